#include "wire/openai_chat/reply.h"

#include <algorithm>
#include <cstring>

#include "base/json_reader.h"
#include "wire/openai_chat/usage.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mainstay::wire::openai_chat {
namespace {

constexpr std::string_view kUsageKey = "\"usage\"";
constexpr std::string_view kDone = "[DONE]";

bool IsSpace(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Whether the key stands here. In JSON it can be nothing but a key: inside a string the quotes
// would have backslashes before them, at least the second one; the first is looked at here. No byte
// before `begin` counts.
bool IsUsageKey(const char* at, const char* begin, const char* end) {
  return end - at >= static_cast<ptrdiff_t>(kUsageKey.size()) &&
         std::memcmp(at, kUsageKey.data(), kUsageKey.size()) == 0 &&
         (at == begin || at[-1] != '\\');
}

// The first usage key in [p, end), or end; see IsUsageKey for `begin`. Hardly anything but this key
// begins with "u, so two comparisons per block leave next to nothing to be looked at again.
const char* FindUsageKey(const char* p, const char* begin, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i u = _mm_set1_epi8('u');
  const auto starts = [&](const char* at) {
    __m128i first;
    __m128i second;
    std::memcpy(&first, at, sizeof first);
    std::memcpy(&second, at + 1, sizeof second);
    return _mm_and_si128(_mm_cmpeq_epi8(first, quote), _mm_cmpeq_epi8(second, u));
  };
  const auto found = [&](const char* at, uint32_t mask) -> const char* {
    for (; mask != 0; mask &= mask - 1) {
      const char* const key = at + __builtin_ctz(mask);
      if (IsUsageKey(key, begin, end)) {
        return key;
      }
    }
    return nullptr;
  };
  constexpr ptrdiff_t kStep = 16;
  for (; end - p > 2 * kStep; p += 2 * kStep) {
    const __m128i low = starts(p);
    const __m128i high = starts(p + kStep);
    if (_mm_movemask_epi8(_mm_or_si128(low, high)) != 0) [[unlikely]] {
      const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(low)) |
                        static_cast<uint32_t>(_mm_movemask_epi8(high)) << kStep;
      if (const char* const key = found(p, mask)) {
        return key;
      }
    }
  }
  if (end - p > kStep) {
    if (const char* const key = found(p, static_cast<uint32_t>(_mm_movemask_epi8(starts(p))))) {
      return key;
    }
    p += kStep;
  }
#endif
  for (; end - p >= static_cast<ptrdiff_t>(kUsageKey.size()); ++p) {
    if (*p == '"' && IsUsageKey(p, begin, end)) {
      return p;
    }
  }
  return end;
}

// The first quote or backslash in [p, end), or end.
const char* FindStringMark(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  for (; end - p >= 16; p += 16) {
    __m128i bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    const __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(marks));
    if (mask != 0) {
      return p + __builtin_ctz(mask);
    }
  }
#endif
  while (p < end && *p != '"' && *p != '\\') {
    ++p;
  }
  return p;
}

// Whether a usage key stands in the data with an object as its value. "usage":null, which comes
// with every event once usage was asked for, is no reason to parse one.
bool HasUsageObject(std::string_view data) {
  const char* const begin = data.data();
  const char* const end = begin + data.size();
  const char* p = begin;
  while ((p = FindUsageKey(p, begin, end)) != end) {
    p += kUsageKey.size();
    bool colon = false;
    for (; p < end && (IsSpace(*p) || (*p == ':' && !colon)); ++p) {
      colon = colon || *p == ':';
    }
    if (colon && p < end && *p == '{') {
      return true;
    }
  }
  return false;
}

}  // namespace

void WholeReplyScanner::Feed(std::string_view piece) {
  const char* p = piece.data();
  const char* const end = p + piece.size();
  while (p < end) {
    switch (state_) {
      case State::kSearching:
        p = Search(p, end);
        break;
      case State::kColonDue:
        p = Expect(p, ':', State::kValueDue);
        break;
      case State::kValueDue:
        p = Expect(p, '{', State::kInUsage);
        break;
      case State::kInUsage:
        p = TakeUsage(p, end);
        break;
      case State::kOutsideStrings:
        p = PassRest(p, end);
        break;
      case State::kInString:
        p = PassString(p, end);
        break;
      case State::kAfterBackslash:
        state_ = State::kInString;
        ++p;
        break;
      case State::kAfterObject:
        p = PassEnd(p);
        break;
    }
  }
}

const char* WholeReplyScanner::Search(const char* p, const char* end) {
  const char* behind = BehindCarriedKey(p, end);
  if (behind == nullptr) {
    // What follows a backslash is no key, and the search does not look at the piece before.
    const bool escaped = carried_bytes_ > 0 && carried_[carried_bytes_ - 1] == '\\';
    const char* const key = FindUsageKey(p + (escaped ? 1 : 0), p, end);
    if (key == end) {
      Carry(p, end);
      return end;
    }
    behind = key + kUsageKey.size();
  }
  carried_bytes_ = 0;
  state_ = State::kColonDue;
  return behind;
}

const char* WholeReplyScanner::BehindCarriedKey(const char* p, const char* end) const {
  if (carried_bytes_ == 0) {
    return nullptr;
  }
  constexpr size_t kTakenMax = kUsageKey.size() - 1;
  std::array<char, std::tuple_size_v<decltype(carried_)> + kTakenMax> joined;
  const size_t taken = std::min(kTakenMax, static_cast<size_t>(end - p));
  std::memcpy(joined.data(), carried_.data(), carried_bytes_);
  std::memcpy(joined.data() + carried_bytes_, p, taken);
  const char* const begin = joined.data();
  const char* const joined_end = begin + carried_bytes_ + taken;
  // A full carry begins with the byte before what could still become a key.
  const bool full = carried_bytes_ == carried_.size();
  const char* const key = FindUsageKey(begin + (full ? 1 : 0), begin, joined_end);
  if (key == joined_end) {
    return nullptr;
  }
  return p + (static_cast<size_t>(key - begin) + kUsageKey.size() - carried_bytes_);
}

// Keeps the end of what has been searched.
void WholeReplyScanner::Carry(const char* from, const char* end) {
  const auto bytes = static_cast<size_t>(end - from);
  if (bytes >= carried_.size()) {
    std::memcpy(carried_.data(), end - carried_.size(), carried_.size());
    carried_bytes_ = carried_.size();
    return;
  }
  const size_t kept = std::min(carried_bytes_, carried_.size() - bytes);
  std::memmove(carried_.data(), carried_.data() + carried_bytes_ - kept, kept);
  std::memcpy(carried_.data() + kept, from, bytes);
  carried_bytes_ = kept + bytes;
}

const char* WholeReplyScanner::Expect(const char* p, char wanted, State then) {
  if (IsSpace(*p)) {
    return p + 1;
  }
  if (*p != wanted) {
    state_ = State::kSearching;
    return p;
  }
  state_ = then;
  if (then == State::kInUsage) {
    captured_.clear();
    return p;  // the brace belongs to the object
  }
  return p + 1;
}

const char* WholeReplyScanner::TakeUsage(const char* p, const char* end) {
  const size_t before = captured_.size();
  if (before == 0) {
    // Nearly always all of it is here.
    json::Reader reader(
        std::string_view(p, std::min(kUsageBytesMax, static_cast<size_t>(end - p))));
    Usage usage;
    if (ReadUsage(reader, usage)) {
      return BehindUsage(usage, p + reader.offset());
    }
  }
  const size_t taken = std::min(kUsageBytesMax - before, static_cast<size_t>(end - p));
  const std::string_view piece(p, taken);
  // One allocation for the usual object. Without a brace in it this piece cannot have the end.
  captured_.reserve(before + taken + json::kPadding);
  captured_.append(piece);
  if (piece.find('}') != std::string_view::npos) {
    captured_.append(json::kPadding, '\0');
    json::Reader reader(std::string_view(captured_).substr(0, before + taken));
    Usage usage;
    const bool read = ReadUsage(reader, usage);
    captured_.resize(before + taken);
    if (read) {
      return BehindUsage(usage, p + (reader.offset() - before));
    }
  }
  if (captured_.size() == kUsageBytesMax) {
    state_ = State::kSearching;
  }
  return p + taken;
}

const char* WholeReplyScanner::BehindUsage(const Usage& usage, const char* p) {
  usage_ = usage;
  depth_ = 0;
  state_ = State::kOutsideStrings;
  return p;
}

const char* WholeReplyScanner::PassRest(const char* p, const char* end) {
  for (; p < end; ++p) {
    switch (*p) {
      case '"':
        state_ = State::kInString;
        return p + 1;
      case '{':
      case '[':
        ++depth_;
        break;
      case '}':
      case ']':
        if (--depth_ < 0) {
          state_ = State::kAfterObject;
          return p + 1;
        }
        break;
      default:
        break;
    }
  }
  return p;
}

const char* WholeReplyScanner::PassString(const char* p, const char* end) {
  const char* const mark = FindStringMark(p, end);
  if (mark == end) {
    return end;
  }
  state_ = *mark == '"' ? State::kOutsideStrings : State::kAfterBackslash;
  return mark + 1;
}

const char* WholeReplyScanner::PassEnd(const char* p) {
  if (IsSpace(*p)) {
    return p + 1;
  }
  // More follows, so it was a member of an object inside the answer.
  usage_ = {};
  state_ = State::kSearching;
  return p;
}

StreamScanner::Fate StreamScanner::Look(const http::StreamEvent& event) {
  if (!event.has_data) {
    return Fate::kForward;
  }
  ++event_count_;
  if (digest_ != nullptr) {
    digest_->TakeEvent(event.data);
  }
  if (event.data == kDone) {
    complete_ = true;
    return Fate::kForward;
  }
  return HasUsageObject(event.data) ? LookForUsage(event.data) : Fate::kForward;
}

StreamScanner::Fate StreamScanner::LookForUsage(std::string_view data) {
  padded_.assign(data);
  padded_.append(json::kPadding, '\0');
  json::Reader reader(std::string_view(padded_).substr(0, data.size()));
  json::StringToken key;
  Usage usage;
  bool has_usage = false;
  bool no_choices = false;
  if (reader.Peek() != json::Type::kObject) {
    return Fate::kForward;
  }
  reader.EnterObject();
  while (reader.NextMember(key)) {
    const json::Type type = reader.Peek();
    if (type == json::Type::kObject && json::KeyEquals(key, "usage")) {
      has_usage = ReadUsage(reader, usage);
    } else if (type == json::Type::kArray && json::KeyEquals(key, "choices")) {
      reader.EnterArray();
      no_choices = true;
      while (reader.NextElement()) {
        reader.SkipValue();
        no_choices = false;
      }
    } else {
      reader.SkipValue();
    }
  }
  if (!reader.Finish() || !has_usage) {
    return Fate::kForward;
  }
  usage_ = usage;
  // An event that also brings a part of the answer has to go on, usage or not.
  return no_choices && usage_event_ == UsageEvent::kHide ? Fate::kHide : Fate::kForward;
}

StreamScanner::Step StreamScanner::Pass(NextEvent next, std::string_view& forward) {
  http::StreamEvent event;
  while (true) {
    switch ((events_.*next)(event)) {
      case http::EventScanner::Step::kMore:
        return Step::kMore;
      case http::EventScanner::Step::kEvent:
        if (Look(event) == Fate::kHide) {
          continue;
        }
        forward = event.raw;
        return Step::kForward;
      case http::EventScanner::Step::kTooLong:
        if (digest_ != nullptr) {
          digest_->Lose();
        }
        forward = event.raw;
        return Step::kForward;
      case http::EventScanner::Step::kTail:
        forward = event.raw;
        return Step::kForward;
    }
  }
}

}  // namespace mainstay::wire::openai_chat
