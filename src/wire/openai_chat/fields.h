#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_reader.h"
#include "base/result.h"
#include "model/request.h"

namespace mainstay::wire::openai_chat {

// A body while it is decoded: the reader, and the first thing that is wrong with a field. One
// thread.
class FieldReader final {
 public:
  // `body` has json::kPadding readable bytes behind it and outlives the reader.
  explicit FieldReader(std::string_view body) : body_(body), json_(body) {}

  json::Reader& json() { return json_; }
  std::string_view body() const { return body_; }
  std::optional<Error>& error() { return error_; }

  static Error Invalid(std::string message, std::string param) {
    return {.kind = ErrorKind::kInvalidField,
            .side = Side::kClient,
            .message = std::move(message),
            .param = std::move(param)};
  }

  // The first thing that is wrong is reported, unless the body turns out not to be JSON at all.
  void Fail(Error error) {
    if (!error_) {
      error_ = std::move(error);
    }
  }

  void WrongType(std::string param, std::string_view wanted) {
    json_.SkipValue();
    std::string message = "'" + param + "' must be " + std::string(wanted);
    Fail(Invalid(std::move(message), std::move(param)));
  }

  // Fields that the gateway reads may each stand once: with two, the gateway and the provider could
  // each believe another one. True the first time; the caller reports and skips a second one.
  static bool First(uint32_t field, uint32_t& seen) {
    const bool first = (seen & field) == 0;
    seen |= field;
    return first;
  }

  void Twice(std::string path) {
    json_.SkipValue();
    std::string message = "the key '" + path + "' stands twice; send it once";
    Fail({.kind = ErrorKind::kInvalidJson,
          .side = Side::kClient,
          .message = std::move(message),
          .param = std::move(path)});
  }

  Span SkipSpan() {
    std::string_view raw;
    if (!json_.SkipValue(&raw)) {
      return {};
    }
    return SpanOf(raw);
  }

  Span SpanOf(std::string_view raw) const {
    const auto begin = static_cast<size_t>(raw.data() - body_.data());
    return {.begin = begin, .end = begin + raw.size()};
  }

  // Where the object or list ends whose closing bracket is the next one from `from` on: there is
  // nothing but white space before it. In a broken text it may be missing.
  size_t BehindNext(char bracket, size_t from) const {
    const size_t at = json_.failed() ? std::string_view::npos : body_.find(bracket, from);
    return at == std::string_view::npos ? from : at + 1;
  }

 private:
  const std::string_view body_;
  json::Reader json_;
  std::optional<Error> error_;
};

}  // namespace mainstay::wire::openai_chat
