#include "identity/session_ids.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/utf8.h"

namespace mainstay::identity {
namespace {

constexpr size_t kIdBytesMax = 256;
constexpr std::string_view kPurpose = "session";

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool IsUsable(std::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax) {
    return false;
  }
  // The parser of heads lets no other control character through. Eight bytes at a time, the last
  // ones padded with blanks.
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kTops = 0x8080808080808080;
  uint64_t high = 0;
  uint64_t tabs = 0;
  const auto look = [&](uint64_t word) {
    const uint64_t tab = word ^ (kOnes * '\t');
    high |= word;
    tabs |= (tab - kOnes) & ~tab;
  };
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof word <= id.size(); at += sizeof word) {
    std::memcpy(&word, id.data() + at, sizeof word);
    look(word);
  }
  uint64_t rest = kOnes * ' ';
  std::memcpy(&rest, id.data() + at, id.size() - at);
  look(rest);
  return (tabs & kTops) == 0 && ((high & kTops) == 0 || IsValidUtf8(id));
}

}  // namespace

void Validate(const SessionOptions& options, Problems& problems) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < options.headers.size(); ++i) {
    const std::string path = "routing.session_headers[" + std::to_string(i) + "]";
    if (!IsHeaderName(options.headers[i])) {
      problems.Add(path, "must be the name of a header, in lower case");
    } else if (!seen.insert(options.headers[i]).second) {
      problems.Add(path, "stands twice");
    }
  }
  if (!options.tenant_header.empty() && !IsHeaderName(options.tenant_header)) {
    problems.Add("routing.tenant_header", "must be the name of a header, in lower case");
  }
}

SessionIds::SessionIds(const SessionOptions& options, const HashKey& install_key)
    : tenant_(SourceOf(options.tenant_header)), hash_(install_key, kPurpose) {
  for (const std::string& header : options.headers) {
    sources_.push_back(SourceOf(header));
  }
}

SessionIds::Source SessionIds::SourceOf(std::string_view header) {
  return {.header = std::string(header),
          .id = http::FindHeaderId(header),
          .name = "header:" + std::string(header)};
}

// The first value counts; `conflicting` when a later one differs.
SessionIds::Found SessionIds::FindIn(const http::HeaderList& headers, const Source& source) {
  Found found;
  if (source.id != http::HeaderId::kUnknown && !headers.Has(source.id)) {
    return found;
  }
  for (const http::Header& header : headers) {
    if (header.id != source.id || (source.id == http::HeaderId::kUnknown &&
                                   !http::EqualsIgnoreCase(header.name, source.header))) {
      continue;
    }
    if (!found.present) {
      found = {.value = header.value, .present = true};
    } else if (header.value != found.value) {
      found.conflicting = true;
    }
  }
  return found;
}

SessionId SessionIds::Find(const http::HeaderList& headers, std::string_view caller) const {
  SessionId session;
  for (const Source& source : sources_) {
    const Found found = FindIn(headers, source);
    if (!found.present) {
      continue;
    }
    if (IsUsable(found.value)) {
      session.present = true;
      session.conflicting = found.conflicting;
      session.id = found.value;
      session.source = source.name;
      break;
    }
    if (session.rejected_count < SessionId::kRejectedMax) {
      session.rejected[session.rejected_count++] = source.name;
    }
  }
  if (session.present) {
    const Found tenant = tenant_.header.empty() ? Found{} : FindIn(headers, tenant_);
    session.key = KeyOf(caller, tenant.value, session.id);
  }
  return session;
}

SessionKey SessionIds::KeyOf(std::string_view caller, std::string_view tenant,
                             std::string_view id) const {
  return {.digest = hash_.Hash({caller, tenant, id})};
}

}  // namespace mainstay::identity
