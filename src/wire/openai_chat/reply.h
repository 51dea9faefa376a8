#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/sse.h"
#include "model/usage.h"
#include "wire/openai_chat/reply_digest.h"

namespace mainstay::wire::openai_chat {

// Looks for the top-level `usage` of a whole answer while its bytes pass by, however they are
// split. Nothing is held back, and nothing is copied but a usage object that comes in parts. Bytes
// that are no JSON do no harm: they just have no usage.
//
// Most of an answer is text, so it is not parsed: what is searched for is the key. What stands
// behind its object then tells whether it was a member of the outermost one.
class WholeReplyScanner final {
 public:
  // A usage object above this size is no usage object.
  static constexpr size_t kUsageBytesMax = 4096;

  // json::kPadding readable bytes follow the piece.
  void Feed(std::string_view piece);

  // Valid at any time; complete when the answer is.
  const Usage& usage() const { return usage_; }

 private:
  enum class State : uint8_t {
    kSearching,
    kColonDue,  // the key has been found
    kValueDue,
    kInUsage,
    // Behind a usage object, in what is left of the object that it is a member of.
    kOutsideStrings,
    kInString,
    kAfterBackslash,
    kAfterObject,  // ... and behind the end of that
  };

  // Each takes the bytes from p on that are its own, and returns the first that is not.
  const char* Search(const char* p, const char* end);
  const char* Expect(const char* p, char wanted, State then);
  const char* TakeUsage(const char* p, const char* end);
  const char* BehindUsage(const Usage& usage, const char* p);
  const char* PassRest(const char* p, const char* end);
  const char* PassString(const char* p, const char* end);
  const char* PassEnd(const char* p);

  // The byte behind a key that began in the pieces before this one and ends in it, or nullptr.
  const char* BehindCarriedKey(const char* p, const char* end) const;
  void Carry(const char* from, const char* end);

  State state_ = State::kSearching;
  int64_t depth_ = 0;  // in the rest: objects and lists open inside the one with the usage
  // The last bytes that were searched: the one before a key and all of it but one.
  std::array<char, 7> carried_{};
  size_t carried_bytes_ = 0;
  std::string captured_;  // the usage object so far, and room for the reader's padding
  Usage usage_;
};

// Whether the event that carries the usage goes on to the client. It does not when the gateway
// asked for it behind the client's back (spec 08).
enum class UsageEvent : uint8_t { kForward, kHide };

// Reads a stream of chat.completion.chunk events as it passes: usage, number of events, whether it
// came to its proper end. Hands out what goes on to the client: whole events, so that a stream that
// breaks can still be ended with a proper error event. Bytes of an event above the limit go on
// unseen as they come.
class StreamScanner final {
 public:
  // `digest`, when there is one, was started and gets each event before it is handed out.
  StreamScanner(UsageEvent usage_event, size_t event_bytes_max, ReplyDigest* digest = nullptr)
      : events_(event_bytes_max), usage_event_(usage_event), digest_(digest) {}

  void Feed(std::string_view piece) { events_.Feed(piece); }
  // The next bytes that go on. kMore: nothing complete of what was fed is left. The view lies in
  // the fed piece, or in the scanner, where it holds until the next call.
  enum class Step : uint8_t { kMore, kForward };
  Step Next(std::string_view& forward) { return Pass(&http::EventScanner::Next, forward); }
  // After the end of the stream: what is left over.
  Step Finish(std::string_view& forward) { return Pass(&http::EventScanner::Finish, forward); }

  const Usage& usage() const { return usage_; }
  // Events with data, [DONE] included.
  int64_t events() const { return event_count_; }
  // A part of an event has been handed out, and the rest of it has not come yet.
  bool within_event() const { return events_.within_event(); }
  // The [DONE] event has passed.
  bool complete() const { return complete_; }

 private:
  using NextEvent = http::EventScanner::Step (http::EventScanner::*)(http::StreamEvent&);
  enum class Fate : uint8_t { kForward, kHide };

  Step Pass(NextEvent next, std::string_view& forward);
  Fate Look(const http::StreamEvent& event);
  Fate LookForUsage(std::string_view data);

  http::EventScanner events_;
  UsageEvent usage_event_;
  ReplyDigest* digest_;
  Usage usage_;
  int64_t event_count_ = 0;
  bool complete_ = false;
  std::string padded_;
};

}  // namespace mainstay::wire::openai_chat
