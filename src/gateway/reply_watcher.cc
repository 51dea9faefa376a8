#include "gateway/reply_watcher.h"

#include <utility>

#include "base/json_reader.h"

namespace mainstay::gateway {
namespace {

// Of one feed of an encoded answer; what decodes to more is not looked at any further.
constexpr size_t kDecodedBytesMax = 64 << 20;

bool IsEventStream(const http::ResponseHead& head) {
  return http::StartsWithIgnoreCase(head.headers.Value(http::HeaderId::kContentType),
                                    "text/event-stream");
}

}  // namespace

ReplyWatcher::ReplyWatcher(const http::ResponseHead& head, const Request& request, bool hide_usage,
                           size_t event_bytes_max) {
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
  if (!is_stream_) {
    scanner_.emplace<Whole>();
    return;
  }
  hides_ = hide_usage && request.facts.stream == Streaming::kYes && decoder_ == nullptr;
  scanner_.emplace<Events>(
      hides_ ? wire::openai_chat::UsageEvent::kHide : wire::openai_chat::UsageEvent::kForward,
      event_bytes_max);
}

void ReplyWatcher::FeedDecoded(std::string_view piece) {
  decoded_.clear();
  if (decoder_->Feed(piece, decoded_, kDecodedBytesMax) != http::DecodeStatus::kOk) {
    return;
  }
  const size_t bytes = decoded_.size();
  decoded_.append(json::kPadding, '\0');
  const std::string_view decoded = std::string_view(decoded_).substr(0, bytes);
  if (auto* whole = std::get_if<Whole>(&scanner_)) {
    whole->Feed(decoded);
  } else if (auto* events = std::get_if<Events>(&scanner_)) {
    events->Feed(decoded);
    std::string_view ignored;
    while (events->Next(ignored) == Events::Step::kForward) {
    }
  }
}

void ReplyWatcher::Feed(std::string_view piece) {
  piece_ = piece;
  piece_given_ = false;
  if (decoder_ != nullptr) {
    FeedDecoded(piece);
  } else if (auto* whole = std::get_if<Whole>(&scanner_)) {
    whole->Feed(piece);
  } else if (auto* events = std::get_if<Events>(&scanner_)) {
    events->Feed(piece);
  }
}

ReplyWatcher::Step ReplyWatcher::Next(std::string_view& forward) {
  if (decoder_ == nullptr) {
    if (auto* events = std::get_if<Events>(&scanner_)) {
      return events->Next(forward) == Events::Step::kForward ? Step::kForward : Step::kMore;
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
  if (decoder_ == nullptr && events != nullptr) {
    return events->Finish(forward) == Events::Step::kForward ? Step::kForward : Step::kMore;
  }
  return Step::kMore;
}

bool ReplyWatcher::within_event() const {
  const auto* events = std::get_if<Events>(&scanner_);
  return events != nullptr && events->within_event();
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
