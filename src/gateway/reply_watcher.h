#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/content_coding.h"
#include "http/head.h"
#include "model/exchange.h"
#include "wire/openai_chat/reply.h"

namespace mainstay::gateway {

// Looks at an answer while it passes and says what goes on to the client. One per answer.
class ReplyWatcher final {
 public:
  // Chooses how to look from what was asked and how the provider answers. Answers that are encoded
  // are decoded aside for looking and pass as they are.
  ReplyWatcher(const http::ResponseHead& head, const Request& request, bool hide_usage,
               size_t event_bytes_max);

  // The answer is a stream of events: to be sent on without waiting.
  bool is_stream() const { return is_stream_; }
  // An event of the gateway's own may stand behind what has passed: it is a stream, and not
  // encoded.
  bool takes_events() const { return is_stream_ && !is_encoded_; }
  // What has passed of the stream ends within an event, because that was too long to be held.
  bool within_event() const;
  // What goes on may differ from what came.
  bool may_edit() const { return hides_; }

  // The next bytes of the body, and then Next until it gives kMore. A view that Next gives lies in
  // the piece, or it holds until the next call only (`Held`).
  void Feed(std::string_view piece);
  enum class Step : uint8_t { kMore, kForward };
  Step Next(std::string_view& forward);
  // After the end of the body, in the same way.
  Step Finish(std::string_view& forward);

  // Fills usage and the number of events.
  void Report(Exchange& exchange) const;

 private:
  using Whole = wire::openai_chat::WholeReplyScanner;
  using Events = wire::openai_chat::StreamScanner;

  void FeedDecoded(std::string_view piece);

  std::variant<std::monostate, Whole, Events> scanner_;
  std::unique_ptr<http::ContentDecoder> decoder_;  // null: the answer is not encoded
  std::string decoded_;
  std::string_view piece_;
  bool piece_given_ = true;
  bool is_stream_ = false;
  bool is_encoded_ = false;
  bool hides_ = false;
};

}  // namespace mainstay::gateway
