// Any bytes are a conversation or are not; a conversation has one form and keeps to its ranges.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "session/conversation_record.h"
#include "session/record_fields.h"

namespace {

namespace session = mainstay::session;

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void RequireRanges(const session::Conversation& one) {
  const auto is_time = [](int64_t ms) { return ms >= 0 && ms <= session::kRecordTimeMax.count(); };
  Require(is_time(one.created_ms) && is_time(one.last_used_ms));
  Require(one.nodes.size() <= session::Conversation::kNodesMax);
  Require(one.asked.size() <= session::Conversation::kAskedMax);
  Require(one.runs.size() <= session::Conversation::kRunsMax);
  const auto is_node = [&](uint16_t node) { return node < one.nodes.size(); };
  const auto is_node_or_none = [&](uint16_t node) {
    return node == session::Node::kNone || is_node(node);
  };
  for (size_t i = 0; i < one.nodes.size(); ++i) {
    const session::Node& node = one.nodes[i];
    Require(node.branch < one.branches);
    Require(node.parent == session::Node::kNone || node.parent < i);
    Require(node.parent == session::Node::kNone || one.nodes[node.parent].has_child);
  }
  for (const session::Asked& asked : one.asked) {
    Require(is_time(asked.at_ms) && !asked.failed);
    Require(is_node_or_none(asked.parent) && is_node_or_none(asked.result));
  }
  for (const session::Run& run : one.runs) {
    Require(is_node(run.node) && run.branch == one.nodes[run.node].branch);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  session::Names all_names;
  session::RecentNames names(all_names);
  session::Conversation one;
  if (!session::DecodeConversation(bytes, names, one)) {
    return 0;
  }
  RequireRanges(one);
  std::string again;
  session::EncodeConversation(one, again);
  session::Conversation other;
  Require(session::DecodeConversation(again, names, other));
  std::string once_more;
  session::EncodeConversation(other, once_more);
  Require(once_more == again);
  // A session may be named that is the conversation's own; it is not written again.
  Require(again == bytes || one.session == one.key);
  return 0;
}
