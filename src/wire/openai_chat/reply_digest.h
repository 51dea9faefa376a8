#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "model/history.h"
#include "wire/digest/history_rules.h"
#include "wire/digest/link_builder.h"

namespace mainstay::wire::openai_chat {

// Makes the link of an answer that passes by: the one that the next request of the conversation
// will have for it. Of several choices the first one counts (index 0).
//
// Memory is bounded: text is hashed as it comes; the arguments of calls are held, up to
// kCallBytesMax for each and kHeldBytesMax in all, and so is a whole answer. An answer beyond that
// has no link. What a usual answer takes is kept for the next one. One thread.
class ReplyDigest final {
 public:
  static constexpr size_t kCallBytesMax = 1 << 20;
  static constexpr size_t kHeldBytesMax = 4 << 20;
  static constexpr size_t kCallsMax = 128;

  // Begins with the reply to a request. `rules` are used until the next Start.
  void Start(const HistoryRules& rules, const History& history);

  // The data of an event of a stream, [DONE] included; the link is there once one of them has ended
  // the answer.
  void TakeEvent(std::string_view data);
  // The bytes of an answer that is no stream.
  void TakeBytes(std::string_view piece);
  // The answer is complete.
  void Complete();
  // No more of the answer will come: the link of the text that a stream has brought, if any. Calls
  // are left out, because nobody knows whether they were complete.
  void Break();
  // Something passed that could not be looked into: there will be no link, unless the answer had
  // come to its end before.
  void Lose();

  // Null as long as there is none. Valid until the next Start.
  const Link* link() const { return link_ ? &*link_ : nullptr; }

 private:
  enum class State : uint8_t { kIdle, kStream, kWhole, kEnded };
  enum class Source : uint8_t { kNone, kContent, kRefusal, kArguments, kIgnored };

  // A tool call so far; texts as JSON writes them.
  struct Call {
    int64_t index = 0;
    std::string name;
    std::string arguments;
    std::optional<ArgumentsDigester::Digest> value;  // of arguments that came as a JSON value
    bool is_text = false;                            // they are no JSON by their nature
  };
  // What one choice says; views into the JSON, with quotes and brackets.
  struct Choice {
    int64_t index = 0;
    bool ended = false;
    std::string_view content;
    std::string_view refusal;
    std::string_view calls;
    std::string_view function_call;
    std::string_view thinking;
  };
  // The form of a stream's last event. Most events differ from the one before in one text alone;
  // then there is no need to parse them.
  struct Shape {
    std::string before;  // up to the text
    std::string behind;  // from its closing quote to the end of the choices
    Source source = Source::kNone;
    size_t call = 0;  // with kArguments
  };

  bool TakeLikeLast(std::string_view data);
  void ParseEvent(std::string_view data);
  void ReadWhole();
  static bool ReadChoice(json::Reader& reader, Choice& choice);
  static void ReadMessage(json::Reader& reader, Choice& choice);
  void TakeDelta(const Choice& choice);
  void TakeMessage(const Choice& choice);
  void TakeContentParts(std::string_view json);
  void TakeCalls(std::string_view json);
  void TakeCall(json::Reader& reader);
  void Remember(std::string_view event, const Choice& choice, size_t choices_end);
  size_t CallAt(std::optional<int64_t> index, bool begins);
  void AddArguments(size_t call, std::string_view raw);
  void AddText(Source source, std::string_view raw);
  void CloseText();
  void AddCalls();
  void SetLink();
  void GiveBack();

  const HistoryRules* rules_ = nullptr;
  LinkBuilder builder_{2 << 10};
  std::optional<Link> link_;
  uint32_t messages_ = 0;
  State state_ = State::kEnded;
  Source text_ = Source::kNone;  // of the text that has begun
  std::string held_;             // a whole answer, or the event that is parsed
  std::vector<Call> calls_;      // by index; the first call_count_ are in use
  size_t call_count_ = 0;
  size_t call_bytes_ = 0;
  Shape shape_;
  // Of the event that is parsed: the arguments that it brought, if it brought nothing else.
  std::string_view lone_arguments_;
  size_t lone_call_ = 0;
};

}  // namespace mainstay::wire::openai_chat
