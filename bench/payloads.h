#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The canonical workload: what the load generator sends and what the origin answers. Both tools
// build the same bytes, so the load generator can compare every answer byte by byte. Never edit
// the shapes silently: figures of different shapes do not compare. Raise kWorkloadVersion.
namespace mainstay::bench {

inline constexpr int kWorkloadVersion = 1;

// A chat completion with usage, exactly `bytes` long. `bytes` must be at least 700.
std::string ChatAnswer(size_t bytes);

// The assistant's text inside ChatAnswer(bytes), JSON-escaped: the next turn carries it back.
std::string AnswerText(size_t bytes);

// One streamed answer as SSE text: `first`, then `event` any number of times, then `last`.
struct StreamScript {
  std::string first;                          // The role chunk.
  std::string event;                          // A content chunk.
  std::string last;                           // Finish reason, usage, [DONE], in one write.
  static constexpr int64_t kFixedEvents = 4;  // In `first` and `last`.

  int64_t Bytes(int64_t events) const {
    return static_cast<int64_t>(first.size() + last.size()) +
           events * static_cast<int64_t>(event.size());
  }
};

// `event_bytes` is the size of one content event; it must be at least 200.
StreamScript MakeStreamScript(size_t event_bytes);

enum class Streaming { kNo, kYes };

// A conversation: an opening, then one user message and the origin's answer a turn.
struct ConversationShape {
  std::string host;
  std::string model = "p/bench-model";
  size_t body_bytes = 4096;    // Mean over the turns; every turn is longer than the one before.
  size_t answer_bytes = 1024;  // As the origin sends them; they are part of the later turns.
  size_t turns = 4;
  Streaming streaming = Streaming::kNo;
  int64_t max_tokens = 1024;  // The origin streams as many content events, of one token each.
};

// The request of one turn, head and body, with places for two numbers: which session sends it
// (x-session-id) and which conversation it belongs to (in the first user message).
struct RequestTemplate {
  std::string bytes;
  size_t session_at = 0;
  size_t conversation_at = 0;
};

// One template a turn. Empty when `body_bytes` is too small for that many turns.
std::vector<RequestTemplate> MakeConversation(const ConversationShape& shape);

// Copies the template into `out` with both numbers filled in.
void Personalize(const RequestTemplate& request, uint64_t session, uint64_t conversation,
                 std::string& out);

}  // namespace mainstay::bench
