#include "fake_provider/account_book.h"

#include "fake_provider/hash.h"

namespace mainstay::fake_provider {
namespace {

std::string_view KeyOf(const http::RequestHead& head) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view authorization = head.headers.Value(http::HeaderId::kAuthorization);
  if (http::StartsWithIgnoreCase(authorization, kBearer)) {
    return authorization.substr(kBearer.size());
  }
  if (head.headers.Has(http::HeaderId::kXApiKey)) {
    return head.headers.Value(http::HeaderId::kXApiKey);
  }
  const http::Header* const header = head.headers.Find("api-key");
  return header != nullptr ? header->value : std::string_view();
}

}  // namespace

Customer AccountBook::Find(const http::RequestHead& head) {
  const std::string_view key = KeyOf(head);
  for (size_t i = 0; i < configured_.size(); ++i) {
    if (configured_[i].api_key.Equals(key)) {
      return {.id = i, .alias = configured_[i].alias, .key = key};
    }
  }
  if (!configured_.empty()) {
    return {.key = key, .known = false};
  }
  uint64_t hash = Hash(key, 0);
  if (seen_.size() >= kAccountsMax && !seen_.contains(hash)) {
    hash = 0;
  }
  const auto [entry, added] = seen_.try_emplace(hash);
  if (added) {
    entry->second = "key" + std::to_string(seen_.size());
  }
  return {.id = hash, .alias = entry->second, .key = key};
}

}  // namespace mainstay::fake_provider
