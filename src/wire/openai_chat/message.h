#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_reader.h"
#include "model/request.h"
#include "wire/digest/history_builder.h"
#include "wire/openai_chat/fields.h"

namespace mainstay::wire::openai_chat {

// Reads the messages of a chat request: counts what is in them, and gives their content to the
// history, when one is wanted, as it passes. One thread.
class MessageDecoder final {
 public:
  // All outlive the decoder; `history` may be null.
  MessageDecoder(FieldReader& fields, RequestFacts& facts, HistoryBuilder* history)
      : fields_(fields), json_(fields.json()), facts_(facts), history_(history) {}

  // The element of the list at the reader.
  void Read();

 private:
  // One message, as far as it was read.
  struct Message {
    uint32_t seen = 0;
    json::StringToken role;
    Span content;
    // For the history: text is added at the end, and so are lists that came before the role.
    bool begun = false;
    std::string_view text;
    std::string_view refusal;
    std::string_view late_parts;
    std::string_view late_calls;
    std::string_view function_call;
  };

  void ReadMember(const json::StringToken& key, Message& message);
  void ReadRole(Message& message);
  void CountRole(const Message& message);
  void ReadContent(Message& message);
  size_t ReadParts();
  void ReadPart(int part);
  bool ReadCountedPartField(const json::StringToken& key, int part, uint32_t& seen,
                            json::StringToken& type, std::string_view& text);
  void ReadToolCalls(Message& message);
  void Begin(Message& message);
  void AddToHistory(Message& message);
  std::string Path(std::string_view field) const;

  FieldReader& fields_;
  json::Reader& json_;
  RequestFacts& facts_;
  HistoryBuilder* const history_;
  bool adds_ = false;  // what is read belongs to a message that the history has begun
};

}  // namespace mainstay::wire::openai_chat
