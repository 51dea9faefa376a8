#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "gateway/context.h"
#include "gateway/conversation_stage.h"
#include "gateway/pipeline.h"
#include "gateway/reply_watcher.h"
#include "http/io/loop.h"
#include "http/server_exchange.h"

namespace mainstay::gateway {

// Writes the header lines that the gateway adds to an answer into client.out().
class HeaderWriter {
 public:
  virtual void WriteGatewayHeaders(http::ServerExchange& client, const Context& context) = 0;

 protected:
  ~HeaderWriter() = default;
};

// Passes an answer on to the client as it comes: bytes untouched, each event of a stream at once,
// never faster than the client takes it, and reads usage and the reply's digest on the way. The
// conversation has grown by the reply before the client has the end of it.
//
// What happens to a stream that breaks: it ends with the protocol's error event. So does one that
// the provider ends in an orderly way before the answer is complete. An answer that is no stream,
// or whose encoding leaves no place for an event, ends without its proper end, so that nobody takes
// a part for the whole. When the client leaves, the provider's connection is reset at once.
//
// A provider and a client that are both fast get the loop for a turn, then others do.
class Relay final {
 public:
  Relay(io::Loop& loop, http::ServerExchange& client, PipelineReply reply, HeaderWriter& headers,
        ConversationStage& conversations, Context& context);

  // Runs to the end of the answer. Fills status, usage, lifecycle and counts of the exchange. Gives
  // an error when the answer broke before anything of it was sent: the caller then answers that.
  io::Task<Result<void>> Run();

 private:
  // How passing the body on came to its end.
  enum class Ending : uint8_t {
    kComplete,
    kClientLeft,
    kProviderBroke,
    kProviderLate,
    kCutShort,  // in an orderly way, but before the end of the answer
  };
  // Where passing on what one read brought has got to.
  enum class Stage : uint8_t { kFeed, kForward, kTail, kEnd };

  void WriteHeadLines();
  // The attempt whose answer is passed on: the last one that brought any.
  Attempt& ServedAttempt();
  MonoTime Deadline() const;
  // Whether the loop's other connections have waited long enough.
  bool TurnOver();
  // Begins with what the last Take gave.
  void StartPassing(http::ClientConnection::Body state);
  void NoteBegin();
  // Once the reply is known: the conversation grows by it.
  void NoteReply();
  // Sends on what was taken, as far as the client takes it. kWouldBlock: drain the client, and call
  // again.
  io::IoStatus Pass();
  io::IoStatus Send(http::Last last);
  io::Task<Result<void>> End(Ending ending);
  io::Task<Result<void>> EndBroken(Ending ending);

  io::Loop& loop_;
  http::ServerExchange& client_;
  upstream::Reply reply_;
  HeaderWriter& headers_;
  ConversationStage& conversations_;
  Context& context_;
  http::ClientConnection& connection_;
  ReplyWatcher watcher_;
  size_t piece_ = 0;
  Stage stage_ = Stage::kFeed;
  MonoTime turn_{};  // the round of the loop that reads are counted in
  int turn_reads_ = 0;
  bool begun_ = false;  // bytes of the body have come
  bool body_done_ = false;
  bool head_ended_ = false;
};

}  // namespace mainstay::gateway
