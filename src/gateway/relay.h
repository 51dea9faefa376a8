#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "gateway/context.h"
#include "gateway/pipeline.h"
#include "http/io/loop.h"
#include "http/server_exchange.h"

namespace mainstay::gateway {

// Writes the header lines that the gateway adds to an answer into client.out().
class HeaderWriter {
 public:
  virtual void WriteGatewayHeaders(http::ServerExchange& client, const Exchange& exchange) = 0;

 protected:
  ~HeaderWriter() = default;
};

// Passes an answer on to the client as it comes: bytes untouched, each event of a stream at once,
// never faster than the client takes it, and reads usage on the way.
//
// What happens to a stream that breaks: it ends with the protocol's error event. An answer that is
// no stream ends without its proper end, so that nobody takes a part for the whole. When the client
// leaves, the provider's connection is reset at once.
//
// Fills status, usage, lifecycle and counts of the exchange. Gives an error when the answer broke
// before anything of it was sent: the caller then answers that.
io::Task<Result<void>> Relay(io::Loop& loop, http::ServerExchange& client, PipelineReply reply,
                             HeaderWriter& headers, Context& context);

}  // namespace mainstay::gateway
