#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/answer.h"
#include "base/json_reader.h"

namespace mainstay::admin {

// The members of a JSON object that a call was sent. Views into its body.
class Fields final {
 public:
  // `known` are the names in camelCase; ttl_seconds is read as ttlSeconds (spec 06 §5). Members
  // that are null count as absent. Adds a detail for each name that is not known or stands twice.
  //
  // nullopt: the body is no JSON object.
  static std::optional<Fields> Read(std::string_view body, std::span<const std::string_view> known,
                                    std::vector<Detail>& details);

  bool Has(std::string_view name) const { return values_.contains(name); }

  // The value, or nothing. Adds a detail when it is there but no string, or empty.
  std::optional<std::string> Text(std::string_view name, std::vector<Detail>& details) const;
  // The same for a whole number between the two.
  std::optional<int64_t> Number(std::string_view name, int64_t min, int64_t max,
                                std::vector<Detail>& details) const;
  // The same for true or false.
  std::optional<bool> Bool(std::string_view name, std::vector<Detail>& details) const;

 private:
  std::map<std::string, std::string_view, std::less<>> values_;  // as they were written
};

// 400 for a body that is no JSON object.
Answer InvalidJson(std::string_view example);

}  // namespace mainstay::admin
