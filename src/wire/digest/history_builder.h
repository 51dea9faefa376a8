#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/history.h"
#include "wire/digest/canonical_text.h"
#include "wire/digest/history_rules.h"
#include "wire/digest/link_builder.h"

namespace mainstay::wire {

// Whose message it is, in all protocols.
enum class MessageRole : uint8_t { kSystem, kUser, kAssistant, kTool };

// Whether a request offers tools.
enum class HistoryTools : uint8_t { kNone, kSome };

// Fills a History from the messages of a request, while a decoder reads them:
//
//   builder.Start(rules, history);                    // by who wants the history
//   builder.BeginMessage(MessageRole::kUser);         // by the decoder, for each message
//   builder.Text(raw); builder.Media(raw); ...
//   builder.EndMessage();
//   builder.Finish(tools);
//
// Kept from one request to the next, with its memory: nothing is allocated once it has seen a
// request of the usual size, and what an unusual one took beyond 64 KiB goes back. One thread.
class HistoryBuilder final {
 public:
  // Empties `history`, which is used until Finish or Abandon, and so are the rules.
  void Start(const HistoryRules& rules, History& history);

  void BeginMessage(MessageRole role);
  // The inside of a JSON string, escapes as written, in a padded body. Texts of a message are
  // joined by one blank.
  void Text(std::string_view raw);
  void Media(std::string_view raw);
  // For calls; null while what is said does not count, in a system's message.
  LinkBuilder* link() { return counts_ ? &link_ : nullptr; }
  void EndMessage();

  void Finish(HistoryTools tools);
  // The body turned out to be none: the history stays empty.
  void Abandon();

 private:
  void CloseSystem();
  void CloseLink();
  void KeepPrefill();

  const HistoryRules* rules_ = nullptr;
  History* history_ = nullptr;
  LinkBuilder link_;
  std::optional<LinkRole> open_;  // the link that the last messages belong to
  MessageRole role_ = MessageRole::kUser;
  bool counts_ = false;  // the text of the current message goes into link_
  bool has_system_ = false;
  bool seen_assistant_ = false;
  uint32_t messages_ = 0;
  // Of a link of tool results, in any order.
  Hash128 results_;
  uint64_t result_count_ = 0;
  uint64_t result_bytes_ = 0;
};

}  // namespace mainstay::wire
