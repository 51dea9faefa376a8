#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mainstay::support {

// How far a client's connection has come.
enum class End : uint8_t {
  kOpen,
  kEnded,  // in an orderly way
  kReset,
  kRefused,  // could not be made
};

// One answer as a client reads it. Read by a parser of its own, which shares nothing with the code
// under test.
struct Answer {
  // How the end of the body is known.
  enum class Framing : uint8_t { kNoBody, kLength, kChunked, kUntilClose };

  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // transfer coding undone
  std::vector<std::string> chunks;  // kChunked: one by one, without the last, empty one
  Framing framing = Framing::kNoBody;
  // The answer came to its proper end.
  bool whole = false;

  // The first of this name, or empty.
  std::string_view Header(std::string_view name) const;
  bool Has(std::string_view name) const;
  int Count(std::string_view name) const;
  // The last answer of its connection, by its own words.
  bool closes() const { return Header("connection") == "close"; }
};

// What a client got on one connection.
struct Answers {
  std::vector<Answer> list;  // interim ones included; the last may not be whole
  std::string rest;          // bytes that are no answer: there must be none
};

// Reads all answers from the bytes of one connection. `methods` has one letter for each request:
// H for HEAD, whose answer has no body; missing letters stand for other methods.
Answers ReadAnswers(std::string_view bytes, End end, std::string_view methods = "");

}  // namespace mainstay::support
