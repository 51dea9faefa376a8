#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "account/choose.h"
#include "decision/decide.h"
#include "decision/preferences.h"
#include "decision/router/conversation.h"
#include "gateway/snapshot.h"
#include "http/chunked.h"
#include "http/server_exchange.h"
#include "identity/callers.h"
#include "model/exchange.h"
#include "session/conversations.h"
#include "session/pin_table.h"
#include "upstream/sender.h"
#include "wire/openai_chat/reply_digest.h"

namespace mainstay::gateway {

// Pieces for the client, gathered over what one read brought.
class Batch final {
 public:
  bool full() const { return size_ == pieces_.size(); }
  bool empty() const { return size_ == 0; }
  std::span<const std::string_view> view() const { return {pieces_.data(), size_}; }
  void Clear() { size_ = 0; }

  void Add(std::string_view piece) {
    if (size_ > 0) {
      std::string_view& last = pieces_[size_ - 1];
      if (last.data() + last.size() == piece.data()) {  // neighbours leave as one
        last = {last.data(), last.size() + piece.size()};
        return;
      }
    }
    pieces_[size_++] = piece;
  }

 private:
  std::array<std::string_view, http::ServerExchange::kPiecesMax - 1> pieces_;
  size_t size_ = 0;
};

// What one request needs while it runs. Kept by its worker and used again, so that a request
// allocates nothing that the one before it has left behind.
struct Context {
  static constexpr size_t kKeptBytesMax = 64 << 10;  // of a body, between two requests

  Exchange exchange;
  std::shared_ptr<const WorkerSnapshot> snapshot;
  identity::CallerLease lease;

  std::string credential_scratch;  // of a credential in the query
  std::string model_scratch;       // the model's name when it came with escapes
  std::string id_scratch;          // ids of the body when they came with escapes
  std::string decoded_body;        // the body when it came compressed
  std::array<char, 55> traceparent{};
  std::string agent_scratch;  // the client's name when it stood in the body with escapes
  session::Conversations::Question question;
  session::Conversations::Place place;  // of the request in its conversation
  bool conversation_noted = false;      // what came of the request is remembered
  Usage noted_usage;                    // ... with this usage
  wire::openai_chat::ReplyDigest reply_digest;
  decision::Requested requested;
  std::optional<decision::Preferences> inline_preferences;  // of the request, once they are needed
  decision::Conversation conversation;                      // as the router gets to see it
  session::PinTable::Seat seat;  // among the requests that are about to pin the session
  bool pinned_model_removed = false;
  std::vector<account::Choice> choices;
  std::vector<upstream::Destination> destinations;
  std::string text;     // bodies of answers that the gateway writes itself
  http::Pieces pieces;  // of the answer, as one read brought them
  Batch batch;          // ... and as they go on to the client

  void Clear() {
    exchange.Clear();
    snapshot.reset();
    lease = {};
    if (decoded_body.capacity() > kKeptBytesMax) {
      decoded_body = {};
    }
    decoded_body.clear();
    std::ranges::fill(credential_scratch, char{0});
    credential_scratch.clear();
    place.Clear();
    conversation_noted = false;
    noted_usage = {};
    requested = {};
    inline_preferences.reset();
    conversation.turns.clear();
    seat.Leave();
    pinned_model_removed = false;
    choices.clear();
    destinations.clear();
    text.clear();
    batch.Clear();
  }
};

}  // namespace mainstay::gateway
