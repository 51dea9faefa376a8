#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mainstay::cli {

// A value in a JSON text that was checked as a whole. A view; what is not there is as null.
class JsonValue final {
 public:
  JsonValue() = default;
  // `raw` is one value, and json::kPadding readable bytes follow it.
  explicit JsonValue(std::string_view raw) : raw_(raw) {}

  // The member of an object; null when there is none.
  JsonValue operator[](std::string_view name) const;
  std::vector<std::pair<std::string, JsonValue>> members() const;
  std::vector<JsonValue> elements() const;

  bool is_null() const { return raw_.empty() || raw_ == "null"; }
  bool is_true() const { return raw_ == "true"; }
  bool is_object() const { return raw_.starts_with('{'); }
  // The value of a string; anything else as it is written; empty for null.
  std::string text() const;
  // The value of a whole number, else `otherwise`.
  int64_t number(int64_t otherwise = 0) const;

 private:
  std::string_view raw_;
};

// A JSON text and the memory it lies in.
class JsonDocument final {
 public:
  // nullopt: the text is not JSON.
  static std::optional<JsonDocument> Parse(std::string text);

  std::string_view text() const { return std::string_view(padded_).substr(0, size_); }
  // Holds as long as the document is not moved.
  JsonValue root() const;

 private:
  JsonDocument() = default;

  std::string padded_;
  size_t size_ = 0;
};

}  // namespace mainstay::cli
