#pragma once

#include <string>
#include <string_view>

#include "base/json_reader.h"

namespace mainstay::fake_provider {

// A copy of a text with the readable bytes behind it that the JSON reader wants.
class Padded final {
 public:
  explicit Padded(std::string_view text) : size_(text.size()) {
    bytes_.reserve(size_ + json::kPadding);
    bytes_.append(text);
    bytes_.append(json::kPadding, '\0');
  }
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  size_t size_;
  std::string bytes_;
};

}  // namespace mainstay::fake_provider
