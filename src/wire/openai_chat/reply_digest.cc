#include "wire/openai_chat/reply_digest.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/openai_chat/content.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mainstay::wire::openai_chat {
namespace {

using json::KeyEquals;
using json::StringToken;
using json::Type;

constexpr std::string_view kDone = "[DONE]";
constexpr size_t kKeptBytes = 64 << 10;  // of memory, from one answer to the next

// The inside of a value that is a string; nothing for any other.
std::string_view Inside(std::string_view json) {
  return json.starts_with('"') ? json.substr(1, json.size() - 2) : std::string_view();
}

// Whether a value adds something to an answer.
bool IsEmpty(std::string_view json) {
  return json.empty() || json == "null" || json == "\"\"" || json == "[]";
}

// Where the string ends that goes on at `at`, or npos. Looks at blocks of 16 bytes as long as these
// lie in the text.
size_t FindQuote(std::string_view text, size_t at) {
  while (at < text.size()) {
#if defined(__SSE2__)
    if (text.size() - at >= 16) {
      __m128i bytes;
      std::memcpy(&bytes, text.data() + at, sizeof bytes);
      const auto marks = static_cast<uint32_t>(_mm_movemask_epi8(_mm_or_si128(
          _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')))));
      if (marks == 0) {
        at += 16;
        continue;
      }
      at += static_cast<size_t>(__builtin_ctz(marks));
    }
#endif
    if (text[at] == '"') {
      return at;
    }
    at += text[at] == '\\' ? 2 : 1;
  }
  return std::string_view::npos;
}

void Shrink(std::string& memory) {
  if (memory.capacity() > kKeptBytes) {
    memory = {};
  }
  memory.clear();
}

// With the bytes behind it that whoever folds it may read.
std::string_view Padded(std::string& text) {
  const size_t bytes = text.size();
  text.append(kFoldSlack, '\0');
  return std::string_view(text).substr(0, bytes);
}

}  // namespace

void ReplyDigest::Start(const HistoryRules& rules, const History& history) {
  rules_ = &rules;
  link_.reset();
  GiveBack();
  call_count_ = 0;
  call_bytes_ = 0;
  shape_.source = Source::kNone;
  text_ = Source::kNone;
  messages_ = history.links.empty() ? 0 : history.links.back().messages;
  state_ = history.ends_in == Prefill::kUnknown ? State::kEnded : State::kIdle;
  builder_.Start(rules, LinkRole::kAssistant, TextKind::kAssistant);
  if (history.ends_in == Prefill::kText) {
    builder_.text().BeginText();
    builder_.text().AppendCanonical(history.prefill);
    text_ = Source::kContent;
  } else {
    ++messages_;
  }
}

// Empties what was held.
void ReplyDigest::GiveBack() {
  Shrink(held_);
  for (Call& call : calls_) {
    Shrink(call.name);
    Shrink(call.arguments);
    call.value.reset();
    call.is_text = false;
  }
}

void ReplyDigest::TakeEvent(std::string_view data) {
  if (state_ == State::kEnded) {
    return;
  }
  state_ = State::kStream;
  if (TakeLikeLast(data)) {
    return;
  }
  if (data == kDone) {
    Complete();
  } else {
    ParseEvent(data);
  }
}

bool ReplyDigest::TakeLikeLast(std::string_view data) {
  if (shape_.source == Source::kNone || !data.starts_with(shape_.before)) {
    return false;
  }
  const size_t begin = shape_.before.size();
  const size_t end = FindQuote(data, begin);
  if (end == std::string_view::npos || !data.substr(end).starts_with(shape_.behind)) {
    return false;
  }
  const std::string_view text = data.substr(begin, end - begin);
  if (shape_.source == Source::kArguments) {
    AddArguments(shape_.call, text);
  } else if (shape_.source != Source::kIgnored) {
    AddText(shape_.source, text);
  }
  return true;
}

void ReplyDigest::ParseEvent(std::string_view data) {
  shape_.source = Source::kNone;
  held_.assign(data);
  held_.append(json::kPadding, '\0');
  const std::string_view event = std::string_view(held_).substr(0, data.size());
  json::Reader reader(event);
  if (reader.Peek() != Type::kObject) {
    return;
  }
  reader.EnterObject();
  StringToken key;
  Choice first;
  size_t choices = 0;
  size_t choices_end = 0;
  bool has_first = false;
  while (reader.NextMember(key)) {
    if (reader.Peek() != Type::kArray || !KeyEquals(key, "choices")) {
      reader.SkipValue();
      continue;
    }
    reader.EnterArray();
    for (; reader.NextElement(); ++choices) {
      Choice choice;
      if (ReadChoice(reader, choice) && choice.index == 0) {
        first = choice;
        has_first = true;
      }
    }
    choices_end = reader.offset();
  }
  if (!reader.Finish() || !has_first) {
    return;
  }
  lone_arguments_ = {};
  TakeDelta(first);
  if (first.ended) {
    Complete();
  } else if (choices == 1) {
    Remember(event, first, choices_end);
  }
}

// False: it is none.
bool ReplyDigest::ReadChoice(json::Reader& reader, Choice& choice) {
  if (reader.Peek() != Type::kObject) {
    reader.SkipValue();
    return false;
  }
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    const Type type = reader.Peek();
    if (type == Type::kObject && (KeyEquals(key, "delta") || KeyEquals(key, "message"))) {
      ReadMessage(reader, choice);
    } else if (KeyEquals(key, "finish_reason")) {
      choice.ended = type == Type::kString;
      reader.SkipValue();
    } else if (!KeyEquals(key, "index") || !reader.TakeCount(choice.index)) {
      reader.SkipValue();
    }
  }
  return true;
}

void ReplyDigest::ReadMessage(json::Reader& reader, Choice& choice) {
  reader.EnterObject();
  StringToken key;
  while (reader.NextMember(key)) {
    std::string_view* const out =
        KeyEquals(key, "content")                                            ? &choice.content
        : KeyEquals(key, "refusal")                                          ? &choice.refusal
        : KeyEquals(key, "tool_calls")                                       ? &choice.calls
        : KeyEquals(key, "function_call")                                    ? &choice.function_call
        : KeyEquals(key, "reasoning_content") || KeyEquals(key, "reasoning") ? &choice.thinking
                                                                             : nullptr;
    reader.SkipValue(out);
  }
}

void ReplyDigest::TakeDelta(const Choice& choice) {
  if (choice.content.starts_with('[')) {
    TakeContentParts(choice.content);
  } else {
    AddText(Source::kContent, Inside(choice.content));
  }
  AddText(Source::kRefusal, Inside(choice.refusal));
  if (choice.calls.starts_with('[')) {
    TakeCalls(choice.calls);
  }
  if (choice.function_call.starts_with('{')) {
    json::Reader reader(choice.function_call);
    TakeCall(reader);
  }
}

// Remembers what an event looks like that brought nothing but a piece of one text.
void ReplyDigest::Remember(std::string_view event, const Choice& choice, size_t choices_end) {
  const bool no_text = IsEmpty(choice.content) && IsEmpty(choice.refusal);
  const bool no_calls = IsEmpty(choice.calls) && IsEmpty(choice.function_call);
  std::string_view text;
  if (no_calls && !IsEmpty(choice.content) && IsEmpty(choice.refusal)) {
    shape_.source = Source::kContent;
    text = Inside(choice.content);
  } else if (no_calls && no_text) {
    shape_.source = Source::kIgnored;
    text = Inside(choice.thinking);
  } else if (no_text && !lone_arguments_.empty()) {
    shape_.source = Source::kArguments;
    shape_.call = lone_call_;
    text = lone_arguments_;
  }
  if (text.empty()) {
    shape_.source = Source::kNone;
    return;
  }
  const auto begin = static_cast<size_t>(text.data() - event.data());
  const size_t end = begin + text.size();
  const size_t behind = choices_end - end;
  if (behind < kFoldSlack) {  // whoever folds the next text may read so far
    shape_.source = Source::kNone;
    return;
  }
  shape_.before.assign(event.substr(0, begin));
  shape_.behind.assign(event.substr(end, behind));
}

// Pieces of one text, as some providers send them when there is thinking as well.
void ReplyDigest::TakeContentParts(std::string_view json) {
  json::Reader reader(json);
  reader.EnterArray();
  while (reader.NextElement()) {
    if (reader.Peek() != Type::kObject) {
      reader.SkipValue();
      continue;
    }
    reader.EnterObject();
    StringToken key;
    StringToken type;
    std::string_view text;
    std::string_view refusal;
    while (reader.NextMember(key)) {
      if (KeyEquals(key, "text")) {
        text = ReadText(reader);
      } else if (KeyEquals(key, "refusal")) {
        refusal = ReadText(reader);
      } else if (IsMedia(key)) {
        ReadMedia(reader, builder_);
      } else if (!KeyEquals(key, "type") || reader.Peek() != Type::kString) {
        reader.SkipValue();
      } else {
        reader.ReadString(type);
      }
    }
    if (IsThinking(type)) {
      continue;
    }
    for (const std::string_view raw : {text, refusal}) {
      AddText(Source::kContent, raw);
      if (state_ == State::kWhole && !raw.empty()) {
        CloseText();
      }
    }
  }
}

void ReplyDigest::TakeCalls(std::string_view json) {
  json::Reader reader(json);
  reader.EnterArray();
  size_t fragments = 0;
  for (; reader.NextElement(); ++fragments) {
    if (reader.Peek() == Type::kObject) {
      TakeCall(reader);
    } else {
      reader.SkipValue();
    }
  }
  if (fragments != 1) {
    lone_arguments_ = {};
  }
}

// A fragment of a call, or, in the old form, of the one function that is called.
void ReplyDigest::TakeCall(json::Reader& reader) {
  reader.EnterObject();
  StringToken key;
  std::optional<int64_t> index;
  bool has_id = false;
  std::string_view name;
  std::string_view arguments;
  bool is_text = false;
  const auto read = [&](json::Reader& from, const StringToken& field) {
    if (KeyEquals(field, "name")) {
      name = ReadText(from);
    } else if (KeyEquals(field, "arguments") || KeyEquals(field, "input")) {
      is_text = KeyEquals(field, "input");
      from.SkipValue(&arguments);
    } else {
      from.SkipValue();
    }
  };
  while (reader.NextMember(key)) {
    int64_t count = 0;
    const Type type = reader.Peek();
    if (KeyEquals(key, "index") && reader.TakeCount(count)) {
      index = count;
    } else if (KeyEquals(key, "id")) {
      has_id = !ReadText(reader).empty();
    } else if (type == Type::kObject && (KeyEquals(key, "function") || KeyEquals(key, "custom"))) {
      reader.EnterObject();
      StringToken field;
      while (reader.NextMember(field)) {
        read(reader, field);
      }
    } else {
      read(reader, key);
    }
  }
  const size_t call = CallAt(index, has_id || !name.empty());
  if (state_ == State::kEnded) {
    return;
  }
  if (calls_[call].name.empty()) {
    calls_[call].name = name;
  }
  calls_[call].is_text = calls_[call].is_text || is_text;
  if (arguments.starts_with('"')) {
    lone_arguments_ = name.empty() && !has_id ? Inside(arguments) : std::string_view();
    lone_call_ = call;
    AddArguments(call, Inside(arguments));
  } else if (!IsEmpty(arguments)) {
    calls_[call].value = builder_.ArgumentsOfValue(arguments);
  }
}

// The place of the call with this index. Without one, a fragment that begins a call is a new one,
// and any other goes on with the last.
size_t ReplyDigest::CallAt(std::optional<int64_t> index, bool begins) {
  if (!index) {
    const int64_t last = call_count_ == 0 ? -1 : calls_[call_count_ - 1].index;
    index = begins ? last + 1 : std::max<int64_t>(last, 0);
  }
  size_t at = 0;
  while (at < call_count_ && calls_[at].index < *index) {
    ++at;
  }
  if (at < call_count_ && calls_[at].index == *index) {
    return at;
  }
  if (call_count_ == kCallsMax) {
    Lose();
    return 0;
  }
  if (call_count_ == calls_.size()) {
    calls_.emplace_back();
  }
  // The memory of one that is not in use, at its place in the order.
  std::rotate(calls_.begin() + static_cast<ptrdiff_t>(at),
              calls_.begin() + static_cast<ptrdiff_t>(call_count_),
              calls_.begin() + static_cast<ptrdiff_t>(call_count_) + 1);
  ++call_count_;
  calls_[at].index = *index;
  return at;
}

void ReplyDigest::AddArguments(size_t call, std::string_view raw) {
  std::string& arguments = calls_[call].arguments;
  call_bytes_ += raw.size();
  if (arguments.size() + raw.size() > kCallBytesMax || call_bytes_ > kHeldBytesMax) {
    Lose();
    return;
  }
  arguments += raw;
}

void ReplyDigest::AddText(Source source, std::string_view raw) {
  if (raw.empty()) {
    return;
  }
  if (text_ != source) {
    CloseText();
    builder_.text().BeginText();
    text_ = source;
  }
  builder_.text().Append(raw);
}

void ReplyDigest::CloseText() {
  if (text_ != Source::kNone) {
    builder_.text().EndText();
    text_ = Source::kNone;
  }
}

void ReplyDigest::TakeBytes(std::string_view piece) {
  if (state_ == State::kEnded) {
    return;
  }
  state_ = State::kWhole;
  if (held_.size() + piece.size() > kHeldBytesMax) {
    Lose();
    return;
  }
  held_ += piece;
}

// A message as a whole: its calls are complete.
void ReplyDigest::TakeMessage(const Choice& choice) {
  if (choice.content.starts_with('[')) {
    TakeContentParts(choice.content);
  } else {
    AddText(Source::kContent, Inside(choice.content));
  }
  AddText(Source::kRefusal, Inside(choice.refusal));
  json::Reader calls(choice.calls);
  if (choice.calls.starts_with('[')) {
    ReadCalls(calls, builder_);
  }
  json::Reader call(choice.function_call);
  if (choice.function_call.starts_with('{')) {
    ReadFunction(call, builder_);
  }
}

void ReplyDigest::ReadWhole() {
  const size_t bytes = held_.size();
  held_.append(json::kPadding, '\0');
  json::Reader reader(std::string_view(held_).substr(0, bytes));
  StringToken key;
  Choice first;
  bool has_first = false;
  if (reader.Peek() == Type::kObject) {
    reader.EnterObject();
  } else {
    reader.SkipValue();
  }
  while (reader.NextMember(key)) {
    if (reader.Peek() != Type::kArray || !KeyEquals(key, "choices")) {
      reader.SkipValue();
      continue;
    }
    reader.EnterArray();
    while (reader.NextElement()) {
      Choice choice;
      if (ReadChoice(reader, choice) && choice.index == 0 && !has_first) {
        first = choice;
        has_first = true;
      }
    }
  }
  if (!reader.Finish() || !has_first) {
    Lose();
    return;
  }
  TakeMessage(first);
}

void ReplyDigest::Complete() {
  if (state_ == State::kWhole) {
    ReadWhole();
  }
  if (state_ == State::kEnded || state_ == State::kIdle) {
    return;
  }
  CloseText();
  AddCalls();
  SetLink();
}

void ReplyDigest::Break() {
  if (state_ != State::kStream) {
    state_ = State::kEnded;
    return;
  }
  CloseText();
  if (builder_.text().bytes() > 0) {
    SetLink();
  }
  state_ = State::kEnded;
}

void ReplyDigest::Lose() {
  if (!link_) {
    state_ = State::kEnded;
  }
}

void ReplyDigest::AddCalls() {
  for (size_t i = 0; i < call_count_; ++i) {
    Call& call = calls_[i];
    const std::string_view raw = Padded(call.arguments);
    const ArgumentsDigester::Digest arguments = call.value     ? *call.value
                                                : call.is_text ? builder_.ArgumentsOfText(raw)
                                                               : builder_.ArgumentsOfString(raw);
    builder_.AddCall(Padded(call.name), arguments);
  }
}

void ReplyDigest::SetLink() {
  link_ = builder_.Finish();
  link_->messages = messages_;
  state_ = State::kEnded;
  GiveBack();
}

}  // namespace mainstay::wire::openai_chat
