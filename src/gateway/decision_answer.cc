#include "gateway/decision_answer.h"

#include "base/json_writer.h"

namespace mainstay::gateway {
namespace {

// Where the trace id stands in a traceparent: 00-<32 digits>-...
constexpr size_t kTraceAt = 3;
constexpr size_t kTraceDigits = 32;

void AppendCandidates(const Exchange& x, json::Writer& writer) {
  writer.Key("candidates").BeginArray();
  for (const Candidate& candidate : x.base.candidates) {
    writer.BeginObject().Key("model").String(candidate.model->name);
    writer.Key("score").Double(candidate.score);
    writer.Key("terms").BeginObject().Key("rank").Double(candidate.score).EndObject().EndObject();
  }
  writer.EndArray();
}

void AppendConversation(const Exchange& x, json::Writer& writer) {
  const ConversationView& view = x.conversation;
  const SessionKeyText key = TextOf(view.key);
  writer.Key("continuity").BeginObject();
  writer.Key("class").String(ContinuityText(x.continuity));
  writer.Key("evidence").String(ContinuityText(view.evidence));
  writer.Key("conversation").String({key.data(), key.size()});
  writer.Key("branch").Int(view.branch);
  writer.Key("parent_branch").Int(view.parent_branch);
  writer.Key("matched_length").Int(view.matched_messages);
  writer.Key("turn_index").Int(view.turn_index);
  writer.Key("candidates").Int(view.candidates);
  writer.Key("chosen_by");
  if (view.chosen_by.empty()) {
    writer.Null();
  } else {
    writer.String(view.chosen_by);
  }
  writer.EndObject();
}

void AppendExplanation(const Exchange& x, json::Writer& writer) {
  writer.Key("requested_model").String(x.request.model);
  writer.Key("pin").String(PinOutcomeText(x.pin_outcome));
  writer.Key("dropped").BeginArray();
  for (const Dropped& dropped : x.base.dropped) {
    writer.BeginObject().Key("model").String(dropped.model->name);
    writer.Key("reason").String(dropped.reason).EndObject();
  }
  writer.EndArray();
  if (x.conversation.known) {
    AppendConversation(x, writer);
  }
  writer.Key("signals").BeginObject();
  if (x.routed.outcome != RouterOutcome::kNotAsked) {
    writer.Key("preference").BeginObject();
    writer.Key("outcome").String(RouterOutcomeText(x.routed.outcome));
    writer.Key("cached").Bool(x.routed.source == AnswerSource::kCached);
    writer.Key("ms").Double(std::chrono::duration<double, std::milli>(x.routed.time).count());
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace

void AppendDecision(const Exchange& exchange, Explain explain, std::string& out) {
  const Exchange& x = exchange;
  json::Writer writer(out);
  writer.BeginObject().Key("models").BeginArray();
  for (const Model* const model : x.verdict.models) {
    writer.String(model->name);
  }
  writer.EndArray().Key("route");
  if (x.base.decision.empty()) {
    writer.Null();
  } else {
    writer.String(x.base.decision);
  }
  writer.Key("trace_id").String(x.traceparent.substr(kTraceAt, kTraceDigits));
  if (x.session.present) {
    writer.Key("session_id").String(x.session.id);
  }
  writer.Key("pinned").Bool(x.pin.has_value());
  writer.Key("switched").Bool(x.pin && x.verdict.models.front()->name != x.pin->model);
  writer.Key("reason").String(ReasonText(x.reason));
  AppendCandidates(x, writer);
  if (explain == Explain::kYes) {
    AppendExplanation(x, writer);
  }
  writer.EndObject();
}

}  // namespace mainstay::gateway
