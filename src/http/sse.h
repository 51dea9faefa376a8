#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Server-sent events, as the WHATWG HTML standard reads them (section 9.2). No I/O.
namespace mainstay::http {

// One event as it came. All views live until the next call of the scanner; `raw` and what lies in
// it may point into the fed piece or into the scanner's buffer.
struct StreamEvent {
  std::string_view raw;   // every byte, the empty line that ends it included
  std::string_view data;  // the data lines, joined by LF
  std::string_view name;  // the last event line; empty means "message"
  std::string_view id;    // the last id line of this event
  uint64_t offset = 0;    // of raw in the stream
  bool has_data = false;  // without it a reader ignores the event
  // Nothing but comments and empty lines: a sign of life.
  bool is_comment_only = false;
};

// Cuts a stream of events into events, however it is split over reads, so that a relay can look at
// each and pass it on byte by byte or leave it out. Every byte of the stream is handed out exactly
// once, as part of a `raw`, and where the splits are makes no difference to the events.
//
// An event ends behind its empty line, and so does a lone empty line. LF, CR LF and CR end a line.
// When a piece ends in a CR that could be half a CR LF, the event waits for the next byte.
//
//   scanner.Feed(piece);
//   while ((step = scanner.Next(event)) != EventScanner::Step::kMore) { ... }
//   ... and at the end of the stream the same loop with Finish in place of Next.
//
// One thread. Copies bytes only of events that begin in one piece and end in another.
class EventScanner final {
 public:
  enum class Step : uint8_t {
    kMore,   // nothing complete is left: feed the next piece
    kEvent,  // `event` is complete
    // A part of an event longer than the limit: `raw` and `offset` alone are set. The parts follow
    // one another until the event ends; none of it is buffered.
    kTooLong,
    kTail,  // Finish alone: bytes of an event that the stream broke off; a reader ignores them
  };

  // No event above event_bytes_max is looked into, and no more is ever held.
  explicit EventScanner(size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}
  EventScanner(const EventScanner&) = delete;
  EventScanner& operator=(const EventScanner&) = delete;

  // `piece` stays as it is until Next has returned kMore, which it must have done for the piece
  // before.
  void Feed(std::string_view piece);
  Step Next(StreamEvent& event);
  // The stream has ended. Call until it returns kMore.
  Step Finish(StreamEvent& event);

  // A part of an event longer than the limit was handed out, and its end has not come yet.
  bool within_event() const { return too_long_; }
  // Bytes of an unfinished event that are held.
  size_t held_bytes() const { return held_.size(); }

 private:
  // Places relative to the start of the event, so that they survive its move into held_.
  struct Span {
    size_t at = 0;
    size_t size = 0;
  };
  // What the lines of the current event said so far.
  struct Lines {
    size_t data_lines = 0;
    Span first_data;
    Span name;
    Span id;
    bool has_fields = false;
  };
  enum class Scan : uint8_t { kNotYet, kEventEnded, kPieceEnded };

  // The form that nearly every event of a model's answer has, one data line and the empty line, all
  // in this piece: found with two searches instead of a walk over lines. False: take the long way.
  bool NextPlain(StreamEvent& event);

  // Bytes of the event up to this place in piece_.
  size_t EventBytes(size_t at) const { return before_bytes_ + (at - begin_); }
  const char* EventData() const {
    return before_bytes_ > 0 ? held_.data() : piece_.data() + begin_;
  }
  void Release();
  Scan FindEventEnd();
  void HoldUpTo(size_t at);
  void ReadLine(size_t line_end);
  void ReadField(std::string_view line, size_t line_at);
  void FillEvent(StreamEvent& event);
  void HandOut(StreamEvent& event, std::string_view raw);
  void StartEvent();

  const size_t event_bytes_max_;
  std::string held_;    // the event's bytes of earlier pieces, and of this one up to kept_
  std::string joined_;  // data of an event with several data lines
  std::string_view piece_;
  size_t begin_ = 0;           // where the event, or its rest, begins in piece_
  size_t kept_ = 0;            // piece_ up to here is in held_, if the event began before
  size_t scanned_ = 0;         // piece_ up to here has been looked at
  Scan scan_ = Scan::kNotYet;  // what was found at scanned_
  uint64_t handed_out_bytes_ = 0;
  size_t before_bytes_ = 0;  // of the event before begin_
  size_t line_begin_ = 0;    // of the current line, relative to the event
  Lines lines_;
  bool release_held_ = false;   // held_ was handed out by the call before
  bool too_long_ = false;       // parts of the event have been handed out
  bool after_cr_ = false;       // the last byte is a CR that ended a line: a LF would belong to it
  bool ends_after_cr_ = false;  // ... and that line was the empty one
};

}  // namespace mainstay::http
