#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fake_provider/options.h"
#include "http/head.h"

namespace mainstay::fake_provider {

// Who a request comes from. The views hold as long as the book and the request's head.
struct Customer {
  uint64_t id = 0;
  std::string_view alias;
  std::string_view key;
  bool known = true;
};

// The accounts of a provider. With none configured, every key that comes gets one of its own; of
// these there are at most kAccountsMax, and all keys beyond share the last one.
class AccountBook final {
 public:
  static constexpr size_t kAccountsMax = 10'000;

  explicit AccountBook(const std::vector<Account>& configured) : configured_(configured) {}

  // Looks at Authorization: Bearer, x-api-key and api-key, in this order.
  Customer Find(const http::RequestHead& head);

 private:
  const std::vector<Account>& configured_;
  // By the key's hash, so that no key is kept.
  std::unordered_map<uint64_t, std::string> seen_;
};

}  // namespace mainstay::fake_provider
