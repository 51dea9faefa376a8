#include "http/header_id.h"

#include "http/header_lookup.h"

namespace mainstay::http {
namespace {

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

HeaderId FindHeaderId(std::string_view name) {
  if (name.size() > lookup::kNameBytesMax) {
    return HeaderId::kUnknown;
  }
  if (name.size() < lookup::kHashedBytesMin) {
    for (const lookup::Row& row : lookup::kRows) {
      if (row.name.size() == name.size() && EqualsIgnoreCase(name, row.name)) {
        return row.id;
      }
    }
    return HeaderId::kUnknown;
  }
  const HeaderId id = static_cast<HeaderId>(lookup::kSlots[lookup::SlotOf(name)]);
  return EqualsIgnoreCase(name, HeaderName(id)) ? id : HeaderId::kUnknown;
}

std::string_view HeaderName(HeaderId id) {
  return lookup::kNames[static_cast<size_t>(id)];
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) {
    return false;
  }
  for (size_t i = 0; i < a.size(); ++i) {
    if (Lower(a[i]) != Lower(b[i])) {
      return false;
    }
  }
  return true;
}

}  // namespace mainstay::http
