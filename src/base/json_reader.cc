#include "base/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/json_writer.h"
#include "base/utf8.h"

namespace mainstay::json {

using internal::Byte;
using internal::IsDigit;
using std::string_view_literals::operator""sv;

namespace {

// Calls piece(text) for each run without escapes and for the value of each escape, in order, until
// one of the calls returns false. False then, and when an escape is malformed.
template <typename Piece>
bool ForEachPiece(std::string_view raw, Piece piece) {
  const char* p = raw.data();
  const char* const end = p + raw.size();
  while (p < end) {
    const void* const found = std::memchr(p, '\\', static_cast<size_t>(end - p));
    const char* const backslash = found == nullptr ? end : static_cast<const char*>(found);
    if (!piece(std::string_view(p, static_cast<size_t>(backslash - p)))) {
      return false;
    }
    if (backslash == end) {
      break;
    }
    const internal::Escape escape = internal::ReadEscape(backslash, end);
    if (escape.length == 0 || !piece(std::string_view(escape.utf8.data(), escape.utf8_bytes))) {
      return false;
    }
    p = backslash + escape.length;
  }
  return true;
}

// For a number that fits no double: whether it is too large, not too small, for one.
bool IsTooLarge(std::string_view number) {
  constexpr int64_t kExponentMax = 1'000'000'000'000;
  const size_t mark = number.find_first_of("eE");
  const std::string_view digits = number.substr(0, mark);
  int64_t exponent = 0;
  if (mark != std::string_view::npos) {
    for (const char c : number.substr(mark + 1)) {
      exponent = IsDigit(c) ? std::min(exponent * 10 + (c - '0'), kExponentMax) : exponent;
    }
    exponent = number[mark + 1] == '-' ? -exponent : exponent;
  }
  // The power of ten of the first digit that is not zero.
  const size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  const size_t point = std::min(digits.find('.'), digits.size());
  return exponent + static_cast<int64_t>(point) - static_cast<int64_t>(first) > 0;
}

}  // namespace

bool Reader::Fail(const char* at, std::string_view what) {
  if (due_ == Due::kNothing) {
    return false;
  }
  due_ = Due::kNothing;
  at_ = std::min(at, end_);
  problem_ = {.offset = offset(), .what = at >= end_ ? "unexpected end of the text" : what};
  return false;
}

const char* Reader::SkipSpaceRun(const char* p) const {
  while (p < end_ && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
    ++p;
  }
  return p;
}

bool Reader::Close(char close, std::string_view otherwise) {
  const bool is_due = due_ == Due::kCommaOrClose || due_ == Due::kFirstOrClose;
  if (is_due && depth_ > 0 && at_ < end_ && *at_ == close) [[likely]] {
    --depth_;
    Leave(at_ + 1);
    return false;
  }
  if (failed()) {
    return false;
  }
  if (due_ == Due::kValue) {
    return Fail(at_, "the value here was not read");
  }
  if (depth_ == 0) {
    return Fail(at_, "no object or array is open here");
  }
  return Fail(at_, otherwise);
}

const char* Reader::ScanLongString(const char* begin, const char* from) {
  using internal::kSawHighByte;
  const internal::StringScan scan = internal::scan_string.load(std::memory_order_relaxed);
  const internal::StringEnd result = scan(from, end_, high_from_ != nullptr ? kSawHighByte : 0);
  if ((result.flags & kSawHighByte) != 0 && high_from_ == nullptr) {
    high_from_ = begin;
  }
  if ((result.flags & internal::kBroken) == 0) [[likely]] {
    return result.at;
  }
  return Stop(result.at,
              *result.at == '\\' ? "invalid escape in a string" : "control character in a string");
}

const char* Reader::ScanToken(const char* p, bool& has_escapes) {
  const char* const quote = ScanString(p);
  has_escapes = quote != nullptr && std::memchr(p, '\\', static_cast<size_t>(quote - p)) != nullptr;
  return quote;
}

bool Reader::NextUnusualMember(StringToken& key) {
  if (!Advance('}', kNoComma)) {
    return false;
  }
  // The text may end anywhere in here, and the padding may look like the rest of a member: one
  // comparison at the end of it settles that.
  if (*at_ != '"') [[unlikely]] {
    return Fail(at_, "expected a key in quotes");
  }
  const char* const begin = at_ + 1;
  const char* const quote = ScanToken(begin, key.has_escapes);
  if (quote == nullptr) [[unlikely]] {
    return false;
  }
  key.raw = std::string_view(begin, static_cast<size_t>(quote - begin));
  const char* p = SkipSpace(quote + 1);
  if (*p != ':') [[unlikely]] {
    return Fail(p, "expected ':'");
  }
  p = SkipSpace(p + 1);
  if (p >= end_) [[unlikely]] {
    return Fail(p, "expected a value");
  }
  at_ = p;
  due_ = Due::kValue;
  return true;
}

bool Reader::ReadUnusualString(StringToken& out) {
  const char* const begin = at_ + 1;
  const char* const quote = ScanToken(begin, out.has_escapes);
  if (quote == nullptr) [[unlikely]] {
    return false;
  }
  if (quote >= end_) [[unlikely]] {
    return Fail(quote, "expected '\"'");
  }
  out.raw = std::string_view(begin, static_cast<size_t>(quote - begin));
  return Leave(quote + 1);
}

// Digits are looked at one by one with the end in view: a run of them in the padding has no bound.
const char* Reader::ScanNumber(const char* p) {
  const auto digits = [this](const char* from) {
    const char* end = from;
    while (end < end_ && IsDigit(*end)) {
      ++end;
    }
    return end > from ? end : Stop(from, "expected a digit");
  };
  const char* const whole = p + (*p == '-' ? 1 : 0);
  p = digits(whole);
  if (p != nullptr && *whole == '0' && p - whole > 1) {
    return Stop(whole, "a number begins with 0");
  }
  if (p != nullptr && p < end_ && *p == '.') {
    p = digits(p + 1);
  }
  if (p != nullptr && p < end_ && (*p == 'e' || *p == 'E')) {
    p = digits(p + (p + 1 < end_ && (p[1] == '+' || p[1] == '-') ? 2 : 1));
  }
  return p;
}

// Passes a number, true, false or null.
const char* Reader::SkipScalar(const char* p) {
  const Type type = internal::kTypes[Byte(*p)];
  if (type == Type::kNumber) {
    return ScanNumber(p);
  }
  if (type == Type::kNone) [[unlikely]] {
    return Stop(p, "expected a value");
  }
  const std::string_view literal = type == Type::kTrue    ? "true"sv
                                   : type == Type::kFalse ? "false"sv
                                                          : "null"sv;
  const size_t left = std::min(static_cast<size_t>(end_ - p), literal.size());
  if (std::memcmp(p, literal.data(), left) != 0 || left < literal.size()) [[unlikely]] {
    return Stop(left < literal.size() && literal.starts_with({p, left}) ? end_ : p,
                "expected true, false or null");
  }
  return p + literal.size();
}

// Passes a string. Its end may lie in the padding, so the caller compares with the end.
inline const char* Reader::SkipString(const char* p) {
  const char* const quote = ScanString(p + 1);
  return quote == nullptr ? nullptr : quote + 1;
}

// Passes a key and its ':' and returns where the value must begin. That may be in the padding, in
// which everything looks well: the caller compares with the end once for all of it.
inline const char* Reader::SkipKey(const char* p) {
  if (*p != '"') [[unlikely]] {
    return Stop(p, "expected a key in quotes");
  }
  p = SkipString(p);
  if (p == nullptr) [[unlikely]] {
    return nullptr;
  }
  p = SkipSpace(p);
  if (*p != ':') [[unlikely]] {
    return Stop(p, "expected ':'");
  }
  return SkipSpace(p + 1);
}

// Passes the object or array at `p` without recursion. The kinds of the open ones are bits: the
// innermost 64 in `kinds`, 1 for an object, the innermost lowest; those further out in `outer`.
const char* Reader::SkipContainer(const char* p) {
  constexpr unsigned kWordBits = 64;
  std::array<uint64_t, (kDepthMax + kWordBits - 1) / kWordBits> outer;
  uint64_t kinds = 0;
  unsigned open = 0;
  const unsigned open_max = static_cast<unsigned>(depth_max_ - depth_);
  char close = ']';
  const auto set_close = [&] { close = static_cast<char>(']' + (kinds & 1) * ('}' - ']')); };
  do {
    if ((kinds & 1) != 0) {
      p = SkipKey(p);
      if (p == nullptr) [[unlikely]] {
        return nullptr;
      }
    }
    if (p >= end_) [[unlikely]] {
      return Stop(p, "expected a value");
    }
    if (*p == '"') {
      p = SkipString(p);
    } else if (*p == '{' || *p == '[') {
      if (open >= open_max) [[unlikely]] {
        return Stop(p, kTooDeep);
      }
      if (open % kWordBits == 0) {
        outer[open / kWordBits] = kinds;
      }
      ++open;
      kinds = kinds << 1 | (*p == '{' ? 1 : 0);
      set_close();
      p = SkipSpace(p + 1);
      if (*p != close) {
        continue;
      }
    } else {
      p = SkipScalar(p);
    }
    if (p == nullptr) [[unlikely]] {
      return nullptr;
    }
    p = SkipSpace(p);
    while (*p == close && p < end_) {
      --open;
      kinds = open % kWordBits == 0 ? outer[open / kWordBits] : kinds >> 1;
      set_close();
      if (open == 0) {
        return p + 1;
      }
      p = SkipSpace(p + 1);
    }
    if (*p != ',' || p >= end_) [[unlikely]] {
      return Stop(p, (kinds & 1) != 0 ? kNoComma : "expected ',' or ']'");
    }
    p = SkipSpace(p + 1);
  } while (true);
}

bool Reader::SkipValue(std::string_view* raw) {
  if (due_ != Due::kValue) [[unlikely]] {
    return Refuse("expected a value");
  }
  const char* const begin = at_;
  const bool is_container = *begin == '{' || *begin == '[';
  const char* const p = *begin == '"'  ? SkipString(begin)
                        : is_container ? SkipContainer(begin)
                                       : SkipScalar(begin);
  if (p == nullptr || p > end_) [[unlikely]] {
    return Fail(end_, "expected '\"'");
  }
  if (raw != nullptr) {
    *raw = std::string_view(begin, static_cast<size_t>(p - begin));
  }
  return Leave(p);
}

bool Reader::ReadInt64(int64_t& out) {
  if (TakeCount(out)) [[likely]] {
    return true;
  }
  const char* const begin = at_;
  std::string_view raw;
  if (!ReadNumber(raw)) {
    return false;
  }
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), out);
  if (error != std::errc{}) {
    return Fail(begin, "an integer of more than 64 bits");
  }
  return end == raw.data() + raw.size() || Fail(begin, "expected an integer");
}

bool Reader::ReadDouble(double& out) {
  const char* const begin = at_;
  std::string_view raw;
  if (!ReadNumber(raw)) {
    return false;
  }
  double value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error == std::errc::result_out_of_range) {
    if (IsTooLarge(raw)) {
      return Fail(begin, "a number too large for a double");
    }
    value = raw.front() == '-' ? -0.0 : 0.0;
  }
  out = value;
  return true;
}

bool Reader::Finish() {
  if (due_ != Due::kCommaOrClose || depth_ > 0) [[unlikely]] {
    return Fail(at_, "the text was not read to its end");
  }
  if (at_ < end_) [[unlikely]] {
    return Fail(at_, "only white space may follow the value");
  }
  return high_from_ == nullptr || FinishUtf8();
}

bool Reader::FinishUtf8() {
  if (IsValidUtf8({high_from_, static_cast<size_t>(end_ - high_from_)})) [[likely]] {
    return true;
  }
  const char* p = high_from_;
  for (int length = 1; p < end_ && length > 0; p += length) {
    length = Utf8Length(p, end_);
  }
  return Fail(p, "invalid UTF-8");
}

bool Unescape(std::string_view raw, std::string& out_append) {
  return ForEachPiece(raw, [&](std::string_view piece) {
    out_append += piece;
    return true;
  });
}

bool EscapedEquals(std::string_view raw, std::string_view value) {
  const bool is_prefix = ForEachPiece(raw, [&](std::string_view piece) {
    const bool same = value.starts_with(piece);
    value.remove_prefix(same ? piece.size() : 0);
    return same;
  });
  return is_prefix && value.empty();
}

}  // namespace mainstay::json
