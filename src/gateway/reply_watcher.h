#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/content_coding.h"
#include "http/head.h"
#include "model/exchange.h"
#include "model/history.h"
#include "wire/openai_chat/ending.h"
#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/reply_digest.h"

namespace mainstay::gateway {

// Whether the bytes of `part` are some of those of `whole`: where they lie counts, not what they
// are.
bool Contains(std::string_view whole, std::string_view part);

// Looks at an answer while it passes and says what goes on to the client. One per answer.
class ReplyWatcher final {
 public:
  // Chooses how to look from what was asked and how the provider answers. Answers that are encoded
  // are decoded aside for looking and pass as they are. `digest`, when the answer's link is wanted,
  // was started and outlives the watcher.
  ReplyWatcher(const http::ResponseHead& head, const Request& request, bool hide_usage,
               size_t event_bytes_max, wire::openai_chat::ReplyDigest* digest = nullptr);

  // The answer is a stream of events: to be sent on without waiting.
  bool is_stream() const { return is_stream_; }
  // An event of the gateway's own may stand behind what has passed: it is a stream, and not
  // encoded.
  bool takes_events() const { return is_stream_ && !is_encoded_; }
  // What has passed of the stream ends within an event, because that was too long to be held.
  bool within_event() const;
  // The stream came to its end before the answer did. Known once Finish has been called; always
  // false for what is no stream of a chat, and for errors.
  bool cut_short() const { return cut_short_; }
  // What goes on may differ from what came.
  bool may_edit() const { return hides_; }

  // The next bytes of the body, with json::kPadding readable bytes behind them, and then Next until
  // it gives kMore. A view that Next gives lies in the piece, or it holds until the next call only.
  void Feed(std::string_view piece);
  enum class Step : uint8_t { kMore, kForward };
  Step Next(std::string_view& forward);
  // After the end of the body, in the same way. What it gives is not to be sent when the stream was
  // cut short: it may be half an event.
  Step Finish(std::string_view& forward);
  // The bytes of the pieces so far are about to go away.
  void BeforeRead() {
    if (judges_ && !last_event_.empty()) {
      KeepLastEvent();
    }
  }

  // The link of the answer, once it is complete: before the event that ends a stream is given out
  // by Next, before the last bytes of an answer of known length are, and else from Finish on. Null
  // before, without a digest, for errors, and for answers that could not be followed.
  const Link* link() const { return digest_ == nullptr ? nullptr : digest_->link(); }
  // No more of the answer will pass: from here on link() gives what a stream has said so far.
  void BreakOff() {
    if (digest_ != nullptr) {
      digest_->Break();
    }
  }

  // Fills usage and the number of events.
  void Report(Exchange& exchange) const;

 private:
  using Whole = wire::openai_chat::WholeReplyScanner;
  using Events = wire::openai_chat::StreamScanner;

  void FeedDecoded(std::string_view piece);
  void DigestWhole(std::string_view bytes, size_t raw_bytes);
  // An event, or a part of one that is too long to be looked into, has passed.
  void Note(const Events& events, std::string_view passed, std::string_view piece);
  void KeepLastEvent();
  bool AnswerEnded(const Events& events, std::string_view rest) const;

  const size_t event_bytes_max_;
  std::variant<std::monostate, Whole, Events> scanner_;
  wire::openai_chat::ReplyDigest* digest_ = nullptr;  // null: nobody wants the link
  std::optional<uint64_t> bytes_left_;                // of the body, when its length is known
  std::unique_ptr<http::ContentDecoder> decoder_;     // null: the answer is not encoded
  std::string decoded_;
  std::string_view piece_;
  bool piece_given_ = true;
  bool is_stream_ = false;
  bool is_encoded_ = false;
  bool hides_ = false;

  // How the stream of a chat ends. Only its last event tells, and only when [DONE] did not come; so
  // a view of it is kept, and copied before its bytes go away. One that is too large to be copied
  // is read at that time.
  bool judges_ = false;
  bool unseen_ = false;  // the last thing that passed could not be looked into
  bool finished_ = false;
  bool cut_short_ = false;
  bool cut_within_event_ = false;
  int64_t noted_events_ = 0;
  std::string_view last_event_;
  std::string kept_event_;
  wire::openai_chat::EndingFacts large_event_;
};

}  // namespace mainstay::gateway
