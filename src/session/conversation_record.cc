#include "session/conversation_record.h"

#include <algorithm>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr uint8_t kFormat = 1;
// In the node of a run, of which there are fewer.
constexpr uint16_t kOfTurn = 0x8000;
static_assert(Conversation::kNodesMax <= kOfTurn);

enum Flag : uint8_t {
  kHasTools = 1 << 0,
  kVtc = 1 << 1,
  kAuxiliary = 1 << 2,
  kHasSession = 1 << 3,
};
constexpr uint8_t kFlagsAll = kHasTools | kVtc | kAuxiliary | kHasSession;

void AppendName(const std::string* text, std::string& out) {
  AppendText(text == nullptr ? std::string_view() : *text, out);
}

// Empty texts are null.
bool TakeName(std::string_view& from, RecentNames& names, const std::string*& out) {
  std::string_view text;
  if (!TakeText(from, text)) {
    return false;
  }
  out = text.empty() ? nullptr : names.Intern(text);
  return true;
}

void AppendNodes(const Conversation& conversation, std::string& out) {
  AppendLittleEndian(static_cast<uint16_t>(conversation.nodes.size()), out);
  for (const Node& node : conversation.nodes) {
    AppendHash(node.hash, out);
    AppendLittleEndian(uint32_t{node.messages}, out);
    AppendLittleEndian(node.parent, out);
    AppendLittleEndian(node.branch, out);
  }
}

bool TakeNodes(std::string_view& from, Conversation& out) {
  uint16_t count = 0;
  if (!TakeLittleEndian(from, count) || count > Conversation::kNodesMax) {
    return false;
  }
  out.nodes.resize(count);
  for (size_t i = 0; i < count; ++i) {
    Node& node = out.nodes[i];
    uint32_t messages = 0;
    const bool taken = TakeHash(from, node.hash) && TakeLittleEndian(from, messages) &&
                       TakeLittleEndian(from, node.parent) && TakeLittleEndian(from, node.branch);
    if (!taken || messages > INT32_MAX || node.branch >= out.branches ||
        (node.parent != Node::kNone && node.parent >= i)) {
      return false;
    }
    node.messages = messages & INT32_MAX;
    if (node.parent != Node::kNone) {
      out.nodes[node.parent].has_child = true;
    }
  }
  return true;
}

void AppendAsked(const Conversation& conversation, std::string& out) {
  const auto count = std::ranges::count(conversation.asked, false, &Asked::failed);
  AppendLittleEndian(static_cast<uint8_t>(count), out);
  for (const Asked& asked : conversation.asked) {
    if (asked.failed) {
      continue;
    }
    AppendHash(asked.hash, out);
    AppendLittleEndian(asked.at_ms, out);
    AppendLittleEndian(asked.idempotency, out);
    AppendLittleEndian(asked.parent, out);
    AppendLittleEndian(asked.result, out);
  }
}

bool IsNodeOrNone(const Conversation& conversation, uint16_t node) {
  return node == Node::kNone || node < conversation.nodes.size();
}

bool TakeAsked(std::string_view& from, Conversation& out) {
  uint8_t count = 0;
  if (!TakeLittleEndian(from, count) || count > Conversation::kAskedMax) {
    return false;
  }
  out.asked.resize(count);
  for (Asked& asked : out.asked) {
    asked.failed = false;
    const bool taken = TakeHash(from, asked.hash) && TakeMillis(from, asked.at_ms) &&
                       TakeLittleEndian(from, asked.idempotency) &&
                       TakeLittleEndian(from, asked.parent) && TakeLittleEndian(from, asked.result);
    if (!taken || !IsNodeOrNone(out, asked.parent) || !IsNodeOrNone(out, asked.result)) {
      return false;
    }
  }
  return true;
}

void AppendRuns(const Conversation& conversation, std::string& out) {
  AppendLittleEndian(static_cast<uint8_t>(conversation.runs.size()), out);
  for (const Run& run : conversation.runs) {
    AppendHash(run.hash, out);
    AppendLittleEndian(static_cast<uint16_t>(run.node | (run.of_turn ? kOfTurn : 0)), out);
  }
}

bool TakeRuns(std::string_view& from, Conversation& out) {
  uint8_t count = 0;
  if (!TakeLittleEndian(from, count) || count > Conversation::kRunsMax) {
    return false;
  }
  out.runs.resize(count);
  for (Run& run : out.runs) {
    if (!TakeHash(from, run.hash) || !TakeLittleEndian(from, run.node)) {
      return false;
    }
    run.of_turn = (run.node & kOfTurn) != 0;
    run.node = run.node & ~kOfTurn;
    if (run.node >= out.nodes.size()) {
      return false;
    }
    run.branch = out.nodes[run.node].branch;
  }
  return true;
}

bool TakeFacts(std::string_view& from, Conversation& out) {
  return TakeMillis(from, out.created_ms) && TakeMillis(from, out.last_used_ms) &&
         TakeLittleEndian(from, out.system) && TakeLittleEndian(from, out.client) &&
         TakeLittleEndian(from, out.prompt_tokens) &&
         TakeLittleEndian(from, out.completion_tokens) && TakeLittleEndian(from, out.cost_nano) &&
         TakeLittleEndian(from, out.turns) && TakeLittleEndian(from, out.branches) &&
         out.branches > 0;
}

}  // namespace

void EncodeConversation(const Conversation& conversation, std::string& out) {
  const bool has_session = conversation.session != conversation.key;
  AppendLittleEndian(kFormat, out);
  AppendLittleEndian(static_cast<uint8_t>((conversation.has_tools ? kHasTools : 0) |
                                          (conversation.vtc ? kVtc : 0) |
                                          (conversation.auxiliary ? kAuxiliary : 0) |
                                          (has_session ? kHasSession : 0)),
                     out);
  AppendLittleEndian(conversation.created_ms, out);
  AppendLittleEndian(conversation.last_used_ms, out);
  AppendLittleEndian(conversation.system, out);
  AppendLittleEndian(conversation.client, out);
  AppendLittleEndian(conversation.prompt_tokens, out);
  AppendLittleEndian(conversation.completion_tokens, out);
  AppendLittleEndian(conversation.cost_nano, out);
  AppendLittleEndian(conversation.turns, out);
  AppendLittleEndian(conversation.branches, out);
  AppendName(conversation.caller, out);
  AppendName(conversation.source, out);
  AppendName(conversation.model, out);
  if (has_session) {
    AppendLittleEndian(conversation.session.digest.low, out);
    AppendLittleEndian(conversation.session.digest.high, out);
  }
  AppendNodes(conversation, out);
  AppendAsked(conversation, out);
  AppendRuns(conversation, out);
}

bool DecodeConversation(std::string_view value, RecentNames& names, Conversation& out) {
  uint8_t format = 0;
  uint8_t flags = 0;
  if (!TakeLittleEndian(value, format) || format != kFormat || !TakeLittleEndian(value, flags) ||
      (flags & ~kFlagsAll) != 0 || !TakeFacts(value, out) || !TakeName(value, names, out.caller) ||
      !TakeName(value, names, out.source) || !TakeName(value, names, out.model)) {
    return false;
  }
  out.has_tools = (flags & kHasTools) != 0;
  out.vtc = (flags & kVtc) != 0;
  out.auxiliary = (flags & kAuxiliary) != 0;
  out.session = out.key;
  if ((flags & kHasSession) != 0 && (!TakeLittleEndian(value, out.session.digest.low) ||
                                     !TakeLittleEndian(value, out.session.digest.high))) {
    return false;
  }
  return TakeNodes(value, out) && TakeAsked(value, out) && TakeRuns(value, out) && value.empty();
}

}  // namespace mainstay::session
