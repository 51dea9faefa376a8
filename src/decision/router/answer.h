#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "decision/router/route.h"

// What the router model's answer means. Pure functions; any thread; never fail otherwise than by
// kGarbage, whatever the text is.
namespace mainstay::decision {

struct ParsedAnswer {
  enum class Kind : uint8_t {
    kMatch,    // `route` is the position of the route
    kNoMatch,  // the model says that none fits, or names one that does not exist
    kGarbage,  // not an answer to the question
  };
  Kind kind = Kind::kGarbage;
  int route = -1;

  friend bool operator==(const ParsedAnswer&, const ParsedAnswer&) = default;
};

// Reads what the model said. Accepted: {"route": "x"}, {"route": ["x", …]} (the first one that
// exists counts; null and an empty list mean none), either with single quotes, in a fenced block or
// within a sentence; and a name alone, plain or in quotes. What a reasoning model thinks aloud
// before its answer is passed over. "other", and any name that no route has, is no match; a route
// that is called "other" is meant.
ParsedAnswer ParseAnswer(std::string_view text, std::span<const Route> routes);

// Reads the body of a chat completion: the first choice's message, by ParseAnswer. `body` has
// json::kPadding readable bytes behind it.
ParsedAnswer ParseCompletion(std::string_view body, std::span<const Route> routes);

}  // namespace mainstay::decision
