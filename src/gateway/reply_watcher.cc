#include "gateway/reply_watcher.h"

#include <algorithm>
#include <utility>

#include "base/json_reader.h"

namespace mainstay::gateway {
namespace {

// Of one feed of an encoded answer; what decodes to more is not looked at any further.
constexpr size_t kDecodedBytesMax = 64 << 20;
// The last event of a stream is small. One above this size is read rather than copied.
constexpr size_t kKeptEventBytesMax = 16 << 10;

bool IsEventStream(const http::ResponseHead& head) {
  return http::StartsWithIgnoreCase(head.headers.Value(http::HeaderId::kContentType),
                                    "text/event-stream");
}

}  // namespace

bool Contains(std::string_view whole, std::string_view part) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

ReplyWatcher::ReplyWatcher(const http::ResponseHead& head, const Request& request, bool hide_usage,
                           size_t event_bytes_max, wire::openai_chat::ReplyDigest* digest)
    : event_bytes_max_(event_bytes_max) {
  is_stream_ = IsEventStream(head);
  const http::Coding coding =
      http::ParseCoding(head.headers.Value(http::HeaderId::kContentEncoding));
  is_encoded_ = coding != http::Coding::kIdentity;
  if (head.status < 200 || head.status >= 300) {
    return;  // errors pass unread
  }
  if (is_encoded_) {
    Result<std::unique_ptr<http::ContentDecoder>> decoder = http::ContentDecoder::Create(coding);
    if (!decoder) {
      return;
    }
    decoder_ = std::move(*decoder);
  }
  digest_ = request.operation == Operation::kChat ? digest : nullptr;
  bytes_left_ = head.content_length;
  if (!is_stream_) {
    scanner_.emplace<Whole>();
    return;
  }
  hides_ = hide_usage && request.facts.stream == Streaming::kYes && decoder_ == nullptr;
  scanner_.emplace<Events>(
      hides_ ? wire::openai_chat::UsageEvent::kHide : wire::openai_chat::UsageEvent::kForward,
      event_bytes_max, digest_);
  judges_ = request.operation == Operation::kChat && request.facts.stream == Streaming::kYes;
}

void ReplyWatcher::FeedDecoded(std::string_view piece) {
  BeforeRead();
  decoded_.clear();
  if (decoder_->Feed(piece, decoded_, kDecodedBytesMax) != http::DecodeStatus::kOk) {
    unseen_ = true;
    if (digest_ != nullptr) {
      digest_->Lose();
    }
    return;
  }
  const size_t bytes = decoded_.size();
  decoded_.append(json::kPadding, '\0');
  const std::string_view decoded = std::string_view(decoded_).substr(0, bytes);
  if (auto* whole = std::get_if<Whole>(&scanner_)) {
    whole->Feed(decoded);
    DigestWhole(decoded, piece.size());
  } else if (auto* events = std::get_if<Events>(&scanner_)) {
    events->Feed(decoded);
    std::string_view passed;
    while (events->Next(passed) == Events::Step::kForward) {
      Note(*events, passed, decoded);
    }
  }
}

// `raw_bytes`: as many of the body as these were decoded from.
void ReplyWatcher::DigestWhole(std::string_view bytes, size_t raw_bytes) {
  if (digest_ == nullptr) {
    return;
  }
  digest_->TakeBytes(bytes);
  if (bytes_left_) {
    *bytes_left_ -= std::min<uint64_t>(*bytes_left_, raw_bytes);
    if (*bytes_left_ == 0) {
      digest_->Complete();
    }
  }
}

void ReplyWatcher::Note(const Events& events, std::string_view passed, std::string_view piece) {
  if (events.events() == noted_events_) {  // a comment, or a part of an event
    unseen_ = unseen_ || events.within_event() || passed.size() > event_bytes_max_;
    return;
  }
  noted_events_ = events.events();
  unseen_ = false;
  last_event_ = passed;
  if (!Contains(piece, passed)) {
    KeepLastEvent();  // the scanner's own bytes, which its next call takes away
  }
}

void ReplyWatcher::KeepLastEvent() {
  if (last_event_.size() > kKeptEventBytesMax) {
    large_event_ = wire::openai_chat::ReadEnding(last_event_);
    last_event_ = {};
  } else if (last_event_.data() != kept_event_.data()) {
    kept_event_.assign(last_event_);
    last_event_ = kept_event_;
  }
}

// `rest`: bytes behind the last event, which may be one without its empty line.
bool ReplyWatcher::AnswerEnded(const Events& events, std::string_view rest) const {
  if (events.complete() || unseen_) {
    return true;
  }
  if (!rest.empty() && wire::openai_chat::ReadEnding(rest).ends_answer) {
    return true;
  }
  const wire::openai_chat::EndingFacts last =
      last_event_.empty() ? large_event_ : wire::openai_chat::ReadEnding(last_event_);
  // An event that was hidden has passed after the last one, unless that is where the usage stood.
  const bool usage_hidden = hides_ && events.usage() != Usage{} && !last.has_usage;
  return last.ends_answer || usage_hidden;
}

void ReplyWatcher::Feed(std::string_view piece) {
  piece_ = piece;
  piece_given_ = false;
  if (decoder_ != nullptr) {
    FeedDecoded(piece);
  } else if (auto* whole = std::get_if<Whole>(&scanner_)) {
    whole->Feed(piece);
    DigestWhole(piece, piece.size());
  } else if (auto* events = std::get_if<Events>(&scanner_)) {
    events->Feed(piece);
  }
}

ReplyWatcher::Step ReplyWatcher::Next(std::string_view& forward) {
  if (decoder_ == nullptr) {
    if (auto* events = std::get_if<Events>(&scanner_)) {
      if (events->Next(forward) == Events::Step::kMore) {
        return Step::kMore;
      }
      if (judges_) {
        Note(*events, forward, piece_);
      }
      return Step::kForward;
    }
  }
  if (std::exchange(piece_given_, true)) {
    return Step::kMore;
  }
  forward = piece_;
  return Step::kForward;
}

ReplyWatcher::Step ReplyWatcher::Finish(std::string_view& forward) {
  auto* events = std::get_if<Events>(&scanner_);
  if (events == nullptr) {
    if (digest_ != nullptr) {
      digest_->Complete();
    }
    return Step::kMore;
  }
  const bool within_event = events->within_event();
  const Step step =
      events->Finish(forward) == Events::Step::kForward ? Step::kForward : Step::kMore;
  if (!std::exchange(finished_, true)) {
    cut_within_event_ = within_event;
    const std::string_view rest = step == Step::kForward ? forward : std::string_view();
    cut_short_ = judges_ && (within_event || !AnswerEnded(*events, rest));
    if (digest_ != nullptr && cut_short_) {
      digest_->Break();
    } else if (digest_ != nullptr) {
      digest_->Complete();
    }
  }
  return decoder_ == nullptr ? step : Step::kMore;
}

bool ReplyWatcher::within_event() const {
  const auto* events = std::get_if<Events>(&scanner_);
  return cut_within_event_ || (events != nullptr && events->within_event());
}

void ReplyWatcher::Report(Exchange& exchange) const {
  if (const auto* whole = std::get_if<Whole>(&scanner_)) {
    exchange.usage = whole->usage();
  } else if (const auto* events = std::get_if<Events>(&scanner_)) {
    exchange.usage = events->usage();
    exchange.events = events->events();
  }
}

}  // namespace mainstay::gateway
