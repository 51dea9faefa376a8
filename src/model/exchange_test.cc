#include "model/exchange.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace mainstay {
namespace {

TEST(Exchange, ClearLeavesNothingButMemory) {
  Exchange x;
  Model model;
  Target target;
  x.request_id.fill('A');
  x.client_request_id = "theirs";
  x.traceparent = "00-";
  x.received = WallTime(std::chrono::milliseconds(5));
  x.started = x.decided = x.first_byte = x.ended = MonoTime(std::chrono::nanoseconds(5));
  const std::vector<std::string> patterns = {"a"};
  x.caller = {.name = "c", .allow_models = patterns};
  x.request.model = "m";
  x.request.facts.messages = 3;
  x.history.links.resize(2);
  x.history.system = 1;
  x.history.prefill = "text";
  x.session.present = true;
  x.base = {.decision = "d",
            .candidates = {{&model, 1}},
            .dropped = {{&model, "cooldown"}},
            .reason = Reason::kDefaultModel};
  x.verdict = {.models = {&model}, .reason = Reason::kDefaultModel};
  x.attempts = {{.target = &target}};
  x.model = &model;
  x.target = &target;
  x.reason = Reason::kFailoverTimeout;
  x.status = 200;
  x.error = ErrorKind::kInternal;
  x.lifecycle = Lifecycle::kFailed;
  x.usage.prompt = 1;
  x.cost = NanoMoney{5};
  x.reply_bytes = 7;
  x.events = 8;
  const size_t links = x.history.links.capacity();
  const size_t capacities[] = {x.base.candidates.capacity(), x.base.dropped.capacity(),
                               x.verdict.models.capacity(), x.attempts.capacity()};

  x.Clear();
  EXPECT_EQ(x.id(), std::string(26, '\0'));
  EXPECT_EQ(x.client_request_id, "");
  EXPECT_EQ(x.traceparent, "");
  EXPECT_EQ(x.received, WallTime{});
  EXPECT_EQ(x.started, MonoTime{});
  EXPECT_EQ(x.decided, MonoTime{});
  EXPECT_EQ(x.first_byte, MonoTime{});
  EXPECT_EQ(x.ended, MonoTime{});
  EXPECT_EQ(x.caller.name, "anonymous");
  EXPECT_TRUE(x.caller.allow_models.empty());
  EXPECT_EQ(x.request.model, "");
  EXPECT_EQ(x.request.facts.messages, 0);
  EXPECT_TRUE(x.history.links.empty());
  EXPECT_EQ(x.history.links.capacity(), links);
  EXPECT_EQ(x.history.system, 0u);
  EXPECT_EQ(x.history.prefill, "");
  EXPECT_FALSE(x.session.present);
  EXPECT_EQ(x.base.decision, "");
  EXPECT_EQ(x.base.reason, Reason::kNone);
  EXPECT_TRUE(x.base.candidates.empty());
  EXPECT_TRUE(x.base.dropped.empty());
  EXPECT_TRUE(x.verdict.models.empty());
  EXPECT_EQ(x.verdict.reason, Reason::kNone);
  EXPECT_TRUE(x.attempts.empty());
  EXPECT_EQ(x.model, nullptr);
  EXPECT_EQ(x.target, nullptr);
  EXPECT_EQ(x.reason, Reason::kNone);
  EXPECT_EQ(x.status, 0);
  EXPECT_FALSE(x.error.has_value());
  EXPECT_EQ(x.lifecycle, Lifecycle::kInProgress);
  EXPECT_EQ(x.usage, Usage{});
  EXPECT_FALSE(x.cost.has_value());
  EXPECT_EQ(x.reply_bytes, 0u);
  EXPECT_EQ(x.events, 0);
  EXPECT_EQ(x.base.candidates.capacity(), capacities[0]);
  EXPECT_EQ(x.base.dropped.capacity(), capacities[1]);
  EXPECT_EQ(x.verdict.models.capacity(), capacities[2]);
  EXPECT_EQ(x.attempts.capacity(), capacities[3]);
}

// Headers, metrics and records show these names.
TEST(Names, OfLifecyclesReasonsAndFailures) {
  EXPECT_EQ(LifecycleName(Lifecycle::kInProgress), "in_progress");
  EXPECT_EQ(LifecycleName(Lifecycle::kCompleted), "completed");
  EXPECT_EQ(LifecycleName(Lifecycle::kAborted), "aborted");
  EXPECT_EQ(LifecycleName(Lifecycle::kFailed), "failed");
  EXPECT_EQ(ReasonText(Reason::kNone), "");
  EXPECT_EQ(ReasonText(Reason::kRequestedModel), "requested_model");
  EXPECT_EQ(ReasonText(Reason::kDefaultModel), "default_model");
  EXPECT_EQ(ReasonText(Reason::kFailoverUpstreamError), "failover:upstream_error");
  EXPECT_EQ(ReasonText(Reason::kFailoverTimeout), "failover:timeout");
  EXPECT_EQ(ProtocolName(Protocol::kOpenAiChat), "openai_chat");
  std::set<std::string_view> failures;
  for (int i = 0; i < kFailureClassCount; ++i) {
    failures.insert(FailureClassName(static_cast<FailureClass>(i)));
  }
  EXPECT_EQ(failures.size(), static_cast<size_t>(kFailureClassCount));
  EXPECT_FALSE(failures.contains(""));
}

TEST(Usage, EqualWhenEveryCountIs) {
  const Usage full{.prompt = 1, .cached = 2, .cache_write = 3, .completion = 4, .reasoning = 5};
  EXPECT_EQ(full, full);
  EXPECT_NE(full, (Usage{.prompt = 1, .cached = 2, .cache_write = 3, .completion = 4}));
  EXPECT_NE(Usage{.prompt = 0}, Usage{});
}

}  // namespace
}  // namespace mainstay
