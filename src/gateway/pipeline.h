#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "gateway/context.h"
#include "gateway/conversation_stage.h"
#include "gateway/model_choice.h"
#include "http/io/loop.h"
#include "http/server_exchange.h"
#include "upstream/sender.h"
#include "wire/digest/history_builder.h"

namespace mainstay::gateway {

// An answer that can be relayed, and how.
struct PipelineReply {
  upstream::Reply reply;
  // The stream carries a usage event that the client did not ask for.
  bool hide_usage = false;
};

// The stages in order: the table of contents of the product. One per worker.
class Pipeline final {
 public:
  Pipeline(io::Loop& loop, const PolicyClock& clock, session::PinTable& pins,
           ConversationStage& conversations)
      : loop_(loop),
        clock_(clock),
        conversations_(conversations),
        model_choice_(loop, clock, pins) {}

  // One request from its bytes to the head of the answer. The protocol and operation stand in
  // context.exchange.request, because the path has told them; everything else is filled in stage by
  // stage, also when a stage refuses. Errors are those of the stages.
  io::Task<Result<PipelineReply>> Handle(http::ServerExchange& client, Context& context);

  // As far as the verdict alone, which is remembered as if a provider had accepted it: for the
  // decision service.
  io::Task<Result<void>> DecideOnly(http::ServerExchange& client, Context& context);

 private:
  Result<ModelChoice::Step> Prepare(http::ServerExchange& client, Context& context);
  Result<void> Decode(http::ServerExchange& client, Context& context);
  Result<void> Identify(http::ServerExchange& client, Context& context) const;
  Result<void> Choose(Context& context);

  io::Loop& loop_;
  const PolicyClock& clock_;
  ConversationStage& conversations_;
  ModelChoice model_choice_;
  // Here and not with each request, because decoding does not wait for anything.
  wire::HistoryBuilder history_builder_;
  uint64_t turn_ = 0;  // where the next request begins among the replicas of its provider
};

// The credential that a client sent, in whichever of the usual headers or as `key` in the query;
// empty when there is none. A view into the head or into `scratch`.
std::string_view ClientCredential(const http::RequestHead& head, std::string& scratch);

}  // namespace mainstay::gateway
