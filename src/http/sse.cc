#include "http/sse.h"

#include <bit>

#include "base/check.h"
#include "http/scan.h"

namespace mainstay::http {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The first CR or LF at or after `at`, or the size. Reads inside the text alone: pieces have no
// padding.
size_t FindLineEnd(std::string_view text, size_t at) {
  const char* const data = text.data();
  for (; at + scan::kStep <= text.size(); at += scan::kStep) {
    if (const uint32_t ends = scan::LineEnds(data + at); ends != 0) {
      return at + scan::FirstBit(ends);
    }
  }
  if (text.size() >= scan::kStep && at < text.size()) {
    // The last step overlaps what has been looked at, which holds no line end or has been passed.
    const size_t last = text.size() - scan::kStep;
    const uint32_t ends = scan::LineEnds(data + last) >> (at - last);
    return ends != 0 ? at + scan::FirstBit(ends) : text.size();
  }
  while (at < text.size() && data[at] != '\n' && data[at] != '\r') {
    ++at;
  }
  return at;
}

}  // namespace

void EventScanner::Feed(std::string_view piece) {
  MS_CHECK(begin_ == piece_.size());
  piece_ = piece;
  begin_ = 0;
  kept_ = 0;
  scanned_ = 0;
  scan_ = Scan::kNotYet;
}

bool EventScanner::NextPlain(StreamEvent& event) {
  constexpr std::string_view kData = "data: ";
  const std::string_view rest = piece_.substr(begin_);
  if (scanned_ != begin_ || before_bytes_ != 0 || scan_ != Scan::kNotYet || after_cr_ ||
      too_long_ || !rest.starts_with(kData)) {
    return false;
  }
  const size_t line_end = rest.find('\n', kData.size());
  if (line_end == std::string_view::npos || line_end + 1 >= rest.size() ||
      rest[line_end + 1] != '\n' || line_end + 2 > event_bytes_max_) {
    return false;
  }
  const std::string_view data = rest.substr(kData.size(), line_end - kData.size());
  if (data.find('\r') != std::string_view::npos) {
    return false;
  }
  HandOut(event, rest.substr(0, line_end + 2));
  event.data = data;
  event.has_data = true;
  scanned_ = begin_ + line_end + 2;
  StartEvent();
  return true;
}

EventScanner::Step EventScanner::Next(StreamEvent& event) {
  Release();
  if (NextPlain(event)) {
    return Step::kEvent;
  }
  for (;;) {
    if (scan_ == Scan::kNotYet) {
      scan_ = FindEventEnd();
    }
    const size_t event_bytes = EventBytes(scanned_);
    too_long_ = too_long_ || event_bytes > event_bytes_max_;
    if (too_long_ && !held_.empty()) {
      before_bytes_ = held_.size();
      begin_ = kept_;
      HandOut(event, held_);
      release_held_ = true;
      return Step::kTooLong;
    }
    const Scan found = scan_;
    scan_ = Scan::kNotYet;
    if (too_long_) {
      const std::string_view part = piece_.substr(begin_, scanned_ - begin_);
      if (found == Scan::kEventEnded) {
        StartEvent();
      } else {
        before_bytes_ = event_bytes;
        begin_ = scanned_;
        kept_ = scanned_;
      }
      if (!part.empty()) {
        HandOut(event, part);
        return Step::kTooLong;
      }
      if (found == Scan::kPieceEnded) {
        return Step::kMore;
      }
      continue;  // The event turned out to have ended with the piece before.
    }
    if (found == Scan::kEventEnded) {
      FillEvent(event);
      StartEvent();
      return Step::kEvent;
    }
    HoldUpTo(scanned_);
    before_bytes_ = event_bytes;
    begin_ = scanned_;
    return Step::kMore;
  }
}

EventScanner::Step EventScanner::Finish(StreamEvent& event) {
  Release();
  MS_CHECK(begin_ == piece_.size());
  const bool ended = after_cr_ && ends_after_cr_;
  after_cr_ = false;
  ends_after_cr_ = false;
  if (held_.empty()) {
    StartEvent();
    return Step::kMore;
  }
  if (ended) {
    FillEvent(event);
  } else {
    HandOut(event, held_);
    release_held_ = true;
  }
  StartEvent();
  return ended ? Step::kEvent : Step::kTail;
}

void EventScanner::Release() {
  if (release_held_) {
    held_.clear();
    release_held_ = false;
  }
}

EventScanner::Scan EventScanner::FindEventEnd() {
  for (;;) {
    if (after_cr_) {
      if (scanned_ == piece_.size()) {
        return Scan::kPieceEnded;
      }
      scanned_ += piece_[scanned_] == '\n' ? 1 : 0;
      after_cr_ = false;
      line_begin_ = EventBytes(scanned_);
      if (ends_after_cr_) {
        ends_after_cr_ = false;
        return Scan::kEventEnded;
      }
    }
    const size_t line_end = FindLineEnd(piece_, scanned_);
    scanned_ = line_end;
    if (line_end == piece_.size()) {
      return Scan::kPieceEnded;
    }
    const bool is_empty = EventBytes(line_end) == line_begin_;
    if (!is_empty) {
      ReadLine(line_end);
    }
    scanned_ = line_end + 1;
    if (piece_[line_end] == '\r') {
      after_cr_ = true;
      ends_after_cr_ = is_empty;
      continue;
    }
    line_begin_ = EventBytes(scanned_);
    if (is_empty) {
      return Scan::kEventEnded;
    }
  }
}

void EventScanner::HoldUpTo(size_t at) {
  held_.append(piece_, kept_, at - kept_);
  kept_ = at;
}

void EventScanner::ReadLine(size_t line_end) {
  const size_t end = EventBytes(line_end);
  if (too_long_ || end > event_bytes_max_) {
    return;
  }
  if (before_bytes_ > 0) {
    HoldUpTo(line_end);
  }
  std::string_view line(EventData() + line_begin_, end - line_begin_);
  size_t line_at = line_begin_;
  if (handed_out_bytes_ == 0 && line_at == 0 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
    line_at += kByteOrderMark.size();
  }
  if (!line.empty() && line.front() != ':') {
    ReadField(line, line_at);
  }
}

void EventScanner::ReadField(std::string_view line, size_t line_at) {
  lines_.has_fields = true;
  // The usual line first: it is the long one, and its colon is at a known place.
  const size_t colon = line.starts_with("data:") ? 4 : line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value =
      colon == std::string_view::npos ? line.substr(line.size()) : line.substr(colon + 1);
  if (value.starts_with(' ')) {
    value.remove_prefix(1);
  }
  const Span span{.at = line_at + static_cast<size_t>(value.data() - line.data()),
                  .size = value.size()};
  if (field == "data") {
    if (lines_.data_lines == 0) {
      lines_.first_data = span;
    } else {
      if (lines_.data_lines == 1) {
        joined_.assign(EventData() + lines_.first_data.at, lines_.first_data.size);
      }
      joined_.append(1, '\n').append(value);
    }
    ++lines_.data_lines;
  } else if (field == "event") {
    lines_.name = span;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    lines_.id = span;
  }
}

void EventScanner::FillEvent(StreamEvent& event) {
  if (before_bytes_ > 0) {
    HoldUpTo(scanned_);
    release_held_ = true;
  }
  const char* const data = EventData();
  const auto view = [&](Span span) { return std::string_view(data + span.at, span.size); };
  HandOut(event, std::string_view(data, EventBytes(scanned_)));
  event.has_data = lines_.data_lines > 0;
  event.data = lines_.data_lines > 1 ? std::string_view(joined_) : view(lines_.first_data);
  event.name = view(lines_.name);
  event.id = view(lines_.id);
  event.is_comment_only = !lines_.has_fields;
}

void EventScanner::HandOut(StreamEvent& event, std::string_view raw) {
  event = {.raw = raw, .data = {}, .name = {}, .id = {}, .offset = handed_out_bytes_};
  handed_out_bytes_ += raw.size();
}

void EventScanner::StartEvent() {
  begin_ = scanned_;
  kept_ = scanned_;
  before_bytes_ = 0;
  line_begin_ = 0;
  lines_ = {};
  too_long_ = false;
}

}  // namespace mainstay::http
