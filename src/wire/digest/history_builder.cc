#include "wire/digest/history_builder.h"

#include <algorithm>
#include <limits>

namespace mainstay::wire {
namespace {

constexpr size_t kKeptBytes = 64 << 10;

// A line that Claude Code puts before its system text, with another value in each request.
constexpr std::string_view kBillingLine = "x-anthropic-billing-header:";

std::string_view WithoutBillingLine(std::string_view raw) {
  if (!raw.starts_with(kBillingLine)) {
    return raw;
  }
  const size_t line_end = raw.find("\\n");
  return line_end == std::string_view::npos ? std::string_view() : raw.substr(line_end);
}

LinkRole LinkRoleOf(MessageRole role) {
  return role == MessageRole::kAssistant ? LinkRole::kAssistant
         : role == MessageRole::kTool    ? LinkRole::kTool
                                         : LinkRole::kUser;
}

}  // namespace

void HistoryBuilder::Start(const HistoryRules& rules, History& history) {
  rules_ = &rules;
  history_ = &history;
  history.Clear();
  if (history.links.capacity() * sizeof(Link) > kKeptBytes) {
    history.links = {};
  }
  open_.reset();
  counts_ = has_system_ = seen_assistant_ = false;
  messages_ = 0;
}

void HistoryBuilder::BeginMessage(MessageRole role) {
  role_ = role;
  if (role == MessageRole::kSystem) {
    counts_ = messages_ == 0;
    if (counts_ && !has_system_) {
      has_system_ = true;
      link_.Start(*rules_, LinkRole::kUser, TextKind::kSystem);
      link_.text().Start(*rules_, TextKind::kSystem, rules_->Seed(DigestPart::kSystem));
    }
    return;
  }
  if (messages_ == 0) {
    CloseSystem();
  }
  counts_ = true;
  const LinkRole link_role = LinkRoleOf(role);
  if (open_ != link_role) {
    CloseLink();
    open_ = link_role;
    results_ = {};
    result_count_ = 0;
    result_bytes_ = 0;
    seen_assistant_ = seen_assistant_ || role == MessageRole::kAssistant;
    const bool is_opening = role == MessageRole::kUser && !seen_assistant_;
    link_.Start(*rules_, link_role,
                role == MessageRole::kAssistant ? TextKind::kAssistant
                : role == MessageRole::kTool    ? TextKind::kToolResult
                : is_opening                    ? TextKind::kOpening
                                                : TextKind::kUser);
  } else if (role == MessageRole::kTool) {
    link_.Start(*rules_, LinkRole::kTool, TextKind::kToolResult);  // each result by itself
  }
  ++messages_;
}

void HistoryBuilder::Text(std::string_view raw) {
  if (!counts_ || raw.empty()) {
    return;
  }
  CanonicalText& text = link_.text();
  text.BeginText();
  text.Append(role_ == MessageRole::kSystem ? WithoutBillingLine(raw) : raw);
  text.EndText();
}

void HistoryBuilder::Media(std::string_view raw) {
  if (counts_ && role_ != MessageRole::kSystem) {
    link_.AddMedia(raw);
  }
}

void HistoryBuilder::EndMessage() {
  if (role_ == MessageRole::kTool) {
    const Link result = link_.Finish();
    results_.low += result.digest.low;
    results_.high += result.digest.high;
    result_bytes_ += result.text_bytes;
    ++result_count_;
  }
  counts_ = false;
}

void HistoryBuilder::CloseSystem() {
  if (has_system_ && link_.text().bytes() > 0) {
    const uint64_t digest = link_.text().Hash().low;
    history_->system = digest == 0 ? 1 : digest;
  }
  has_system_ = false;
}

void HistoryBuilder::CloseLink() {
  if (!open_) {
    return;
  }
  Link link;
  if (*open_ == LinkRole::kTool) {
    link.role = LinkRole::kTool;
    link.digest =
        Chained(results_, {.low = result_count_, .high = rules_->Seed(DigestPart::kToolResults)});
    link.text_bytes = static_cast<uint32_t>(
        std::min<uint64_t>(result_bytes_, std::numeric_limits<uint32_t>::max()));
  } else {
    link = link_.Finish();
  }
  link.messages = messages_;
  history_->links.push_back(link);
  open_.reset();
}

void HistoryBuilder::Finish(HistoryTools tools) {
  history_->has_tools = tools == HistoryTools::kSome;
  CloseSystem();
  if (open_ == LinkRole::kAssistant) {
    KeepPrefill();
  }
  CloseLink();
}

void HistoryBuilder::KeepPrefill() {
  const bool is_kept = link_.is_text() && link_.text().Copy(history_->prefill);
  history_->ends_in = is_kept ? Prefill::kText : Prefill::kUnknown;
}

void HistoryBuilder::Abandon() {
  history_->Clear();
  open_.reset();
}

}  // namespace mainstay::wire
