#include "identity/id_text.h"

#include <algorithm>
#include <cstring>

#include "base/json_reader.h"
#include "base/text.h"
#include "base/utf8.h"

namespace mainstay::identity {
namespace {

// Each byte of an id takes at most six in a JSON string, as \u0041 does. What is longer is too long
// to be an id however it is written.
constexpr size_t kRawIdBytesMax = 6 * kIdBytesMax;
// Claude Code's has about 200.
constexpr size_t kRawUserIdBytesMax = 4096;

constexpr std::string_view kSessionMark = "_session_";
constexpr std::string_view kUuidForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

bool IsHex(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

bool IsUuid(std::string_view text) {
  return text.size() == kUuidForm.size() &&
         std::ranges::equal(text, kUuidForm,
                            [](char c, char form) { return form == 'x' ? IsHex(c) : c == form; });
}

}  // namespace

bool IsUsableId(std::string_view text) {
  if (text.empty() || text.size() > kIdBytesMax) {
    return false;
  }
  // Eight bytes at a time, the last ones padded with blanks.
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kTops = 0x8080808080808080;
  uint64_t high = 0;
  uint64_t control = 0;
  const auto look = [&](uint64_t word) {
    const uint64_t del = word ^ (kOnes * 0x7f);
    high |= word;
    control |= ((word - kOnes * ' ') & ~word) | ((del - kOnes) & ~del);
  };
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    look(word);
  }
  uint64_t rest = kOnes * ' ';
  std::memcpy(&rest, text.data() + at, text.size() - at);
  look(rest);
  return (control & kTops) == 0 && ((high & kTops) == 0 || IsValidUtf8(text));
}

BodyIdTexts::BodyIdTexts(const Request& request, std::string& scratch)
    : request_(request), scratch_(scratch) {
  scratch_.clear();
}

// What stands between the quotes.
std::string_view BodyIdTexts::RawOf(BodyId field) const {
  const Span span = request_.facts.body_ids[static_cast<size_t>(field)];
  return span.size() < 2 ? std::string_view()
                         : request_.body.substr(span.begin + 1, span.size() - 2);
}

std::string_view BodyIdTexts::TextOf(BodyId field) {
  const std::string_view raw = RawOf(field);
  return raw.size() > kRawIdBytesMax ? raw : Text(raw);
}

std::string_view BodyIdTexts::Text(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) {
    return Trim(raw);
  }
  if (!has_room_) {
    // For all of them, a user's id twice: views into the scratch must stay where they are.
    const auto room = [](const Span& span) { return std::min(span.size(), kRawUserIdBytesMax); };
    const auto& spans = request_.facts.body_ids;
    size_t bytes = json::kPadding + room(spans[static_cast<size_t>(BodyId::kMetadataUserId)]);
    for (const Span& span : spans) {
      bytes += room(span);
    }
    scratch_.reserve(bytes);
    has_room_ = true;
  }
  const size_t begin = scratch_.size();
  json::Unescape(raw, scratch_);
  return Trim(std::string_view(scratch_).substr(begin));
}

bool BodyIdTexts::FindClaudeSession(std::string_view& session) {
  const std::string_view raw = RawOf(BodyId::kMetadataUserId);
  if (raw.empty() || raw.size() > kRawUserIdBytesMax) {
    return false;
  }
  const std::string_view user = Text(raw);
  if (!user.starts_with('{')) {
    const size_t mark = user.rfind(kSessionMark);
    if (mark == std::string_view::npos || !IsUuid(user.substr(mark + kSessionMark.size()))) {
      return false;
    }
    session = user.substr(mark + kSessionMark.size());
    return true;
  }
  // JSON has quotes, and quotes in a string are escaped: the text is the end of the scratch.
  if (!has_room_) {
    return false;
  }
  scratch_.append(json::kPadding, '\0');
  json::Reader reader(user);
  json::StringToken key;
  json::StringToken value;
  bool found = false;
  if (!reader.EnterObject()) {
    return false;
  }
  while (reader.NextMember(key)) {
    if (!found && json::KeyEquals(key, "session_id") && reader.Peek() == json::Type::kString) {
      found = reader.ReadString(value);
    } else {
      reader.SkipValue();
    }
  }
  if (!reader.Finish() || !found) {
    return false;
  }
  session = value.raw.size() > kRawIdBytesMax ? value.raw : Text(value.raw);
  return true;
}

}  // namespace mainstay::identity
