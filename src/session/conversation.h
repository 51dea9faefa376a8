#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/hash128.h"
#include "model/session.h"

namespace mainstay::session {

// A point of a conversation that a client can come back to: its history up to and including one
// reply that the gateway passed on. Nodes form a tree; those without children are the heads of the
// branches.
struct Node {
  static constexpr uint16_t kNone = UINT16_MAX;

  Hash128 hash;                // of the whole history up to here, its owner included
  uint32_t messages : 31 = 0;  // in it
  uint32_t has_child : 1 = 0;
  uint16_t parent = kNone;  // kNone: it begins the conversation
  uint16_t branch = 0;
};
static_assert(sizeof(Node) == 24, "there is one for each reply that is remembered");

// What was asked: the history of a request as it came.
struct Asked {
  Hash128 hash;
  int64_t at_ms = 0;
  uint64_t idempotency = 0;       // hash of its idempotency-key; 0: none
  uint16_t parent = Node::kNone;  // the newest node in it
  uint16_t result = Node::kNone;  // the node that its reply made
  bool failed = false;            // only a retry may follow
};

// The end of a history without what stands before it, so that it can be found behind another
// beginning.
struct Run {
  Hash128 hash;
  uint16_t node = 0;  // that it ends with
  uint16_t branch = 0;
  bool of_turn = false;  // it is the newest turn, whatever that says: a warning, no evidence
};

// What is remembered of a conversation. The texts are kept in Names, for good.
struct Conversation {
  // Of each there are at most so many; the oldest give way.
  static constexpr size_t kNodesMax = 1024;
  static constexpr size_t kAskedMax = 4;
  static constexpr size_t kRunsMax = 8;

  SessionKey key;
  SessionKey session;  // the same as `key` when it belongs to no session with an id
  const std::string* caller = nullptr;
  const std::string* source = nullptr;  // of the session's id; null without one
  const std::string* model = nullptr;   // that served it last; null: none did yet
  int64_t created_ms = 0;
  int64_t last_used_ms = 0;
  uint64_t system = 0;  // digest of its newest system text
  uint64_t client = 0;  // hash of what its client calls itself and where it is
  uint64_t prompt_tokens = 0;
  uint64_t completion_tokens = 0;
  int64_t cost_nano = 0;
  uint32_t turns = 0;     // accepted exchanges; 0: all have failed so far
  uint16_t branches = 1;  // that there ever were
  bool has_tools = false;
  bool vtc = false;        // see spec 03 §5
  bool auxiliary = false;  // it began as a side request

  std::vector<Node> nodes;  // parents before children
  std::vector<Asked> asked;
  std::vector<Run> runs;
};

}  // namespace mainstay::session
