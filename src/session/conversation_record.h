#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "session/conversation.h"
#include "session/names.h"

namespace mainstay::session {

// Conversations as the store keeps them: docs/formats/conversation_record.md. The key of the record
// is the key of the conversation, and not part of it.

// Appends the record. Requests that failed are left out: they count for minutes.
void EncodeConversation(const Conversation& conversation, std::string& out);

// Names as a reader of many records needs them: those that it met last are found without a lock.
// One thread.
class RecentNames final {
 public:
  explicit RecentNames(Names& names) : names_(names) {}

  // As Names::Intern.
  const std::string* Intern(std::string_view text) {
    const size_t last = text.empty() ? 0 : static_cast<unsigned char>(text.back());
    const std::string*& recent = recent_[(text.size() * 7 + last) % recent_.size()];
    if (recent == nullptr || *recent != text) {
      recent = names_.Intern(text);
    }
    return recent;
  }

 private:
  Names& names_;
  std::array<const std::string*, 32> recent_{};
};

// False for bytes of another format or length, and for contents that cannot be: a parent behind its
// child, times out of range. Fills all but the key; texts are taken into `names`.
bool DecodeConversation(std::string_view value, RecentNames& names, Conversation& out);

}  // namespace mainstay::session
