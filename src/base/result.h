#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace mainstay {

// What went wrong, in the gateway's own words. Only wire/<protocol>/errors.cc turns a kind into a
// status and a code. The order has no meaning and is not stored.
enum class ErrorKind {
  kInvalidJson,   // the body is not JSON, or not JSON that every reader would understand alike
  kMissingField,  // a field that the request needs is not there; `param` names it
  kInvalidField,  // a field has the wrong type or value; `param` names it
  kUnsupportedEncoding,  // a content-encoding that cannot be decoded
  kInvalidApiKey,
  kModelNotAllowed,
  kModelNotFound,
  kNotFound,  // no such path
  kMethodNotAllowed,
  kRequestTooLarge,  // body over the limit
  kHeadTooLarge,     // request line and headers over the limit
  kBadFraming,       // HTTP that must not be guessed at; the connection ends
  kRequestTimeout,   // the client was too slow
  kExpectationFailed,
  kCallerRateLimited,
  kUpstreamUnreachable,  // no provider answered after all attempts
  kUpstreamTimeout,
  kUpstreamBroken,     // the provider's answer broke after its first byte
  kNoAccountForModel,  // nothing is configured or enabled that could serve the model
  kShuttingDown,
  kClientLeft,  // nobody is there to be answered
  kInternal,
};

// Who has to change something before the request can succeed.
enum class Side { kClient, kUpstream, kGateway };

// Whether trying again helps, and where.
enum class Retry { kNever, kLater, kOtherEndpoint };

// An expected failure. `message` is shown to the client: it says what to do, and holds neither
// secrets nor text of the conversation.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  Side side = Side::kGateway;
  Retry retry = Retry::kNever;
  std::string message;
  std::string param;  // dotted path of the field that is wrong, or empty
  std::optional<std::chrono::seconds> retry_after;
};

// A T or the Error that says why there is none. The member names are those of std::expected, so
// that this can become an alias of it. Reading the side that is not there ends the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    MS_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    MS_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    MS_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    MS_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    MS_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    MS_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  void value() const { MS_CHECK(has_value()); }
  Error& error() & {
    MS_CHECK(!has_value());
    return *error_;
  }
  const Error& error() const& {
    MS_CHECK(!has_value());
    return *error_;
  }
  Error&& error() && {
    MS_CHECK(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace mainstay

#define MS_TRY_NAME_(a, b) a##b
#define MS_TRY_NAME(a, b) MS_TRY_NAME_(a, b)

// MS_TRY(auto x, F()): x is F's value, or the enclosing function returns F's error.
// MS_CO_TRY is the same inside a coroutine.
#define MS_TRY_IMPL(declaration, expression, leave, result) \
  auto result = (expression);                               \
  if (!result) [[unlikely]] {                               \
    leave std::move(result).error();                        \
  }                                                         \
  declaration = std::move(result).value()

#define MS_TRY(declaration, expression) \
  MS_TRY_IMPL(declaration, expression, return, MS_TRY_NAME(ms_result_, __LINE__))
#define MS_CO_TRY(declaration, expression) \
  MS_TRY_IMPL(declaration, expression, co_return, MS_TRY_NAME(ms_result_, __LINE__))
