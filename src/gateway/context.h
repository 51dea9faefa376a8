#pragma once

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
#include "session/pin_table.h"
#include "upstream/sender.h"

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

  std::string model_scratch;  // the model's name when it came with escapes
  std::string decoded_body;   // the body when it came compressed
  std::array<char, 55> traceparent{};
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
