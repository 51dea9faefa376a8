#include "observe/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace mainstay::observe {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

constexpr milliseconds kLong{20'000};  // a limit for what must happen, not a wait

const Catalog& TestCatalog() {
  static const Catalog catalog(CatalogOptions{
      .providers = {{.name = "openai",
                     .base_url = "https://api.openai.test/v1",
                     .accounts = {{.alias = "main", .api_key = Secret("sk-very-secret")},
                                  {.alias = "spare"}}}},
      .models = {{.name = "openai/gpt-4o", .provider = "openai"}}});
  return catalog;
}

const Target* TargetAt(size_t index) {
  return &TestCatalog().providers()[0]->targets[index];
}

Exchange Served() {
  const Model* model = TestCatalog().models()[0].get();
  Exchange x;
  std::ranges::copy(std::string_view("01JD6Z0000000000000000TEST"), x.request_id.begin());
  x.client_request_id = "id-of-the-client";
  x.caller.name = "team-a";
  x.request.model = "gpt-4o";
  x.request.body = R"({"messages":[{"content":"the prompt"}]})";
  x.request.facts.stream = Streaming::kYes;
  x.started = MonoTime(std::chrono::hours(1));
  x.first_byte = x.started + milliseconds(20);
  x.ended = x.started + std::chrono::microseconds(40'250);
  x.attempts.push_back(
      {.target = TargetAt(0), .model = model, .status = 200, .time = milliseconds(18)});
  x.model = model;
  x.target = TargetAt(0);
  x.reason = Reason::kRequestedModel;
  x.status = 200;
  x.lifecycle = Lifecycle::kCompleted;
  x.usage = {.prompt = 1'000, .completion = 50};
  x.cost = NanoMoney{12'500'000};
  x.reply_bytes = 4'096;
  return x;
}

// What the log at this level has to say of an exchange; empty when nothing.
std::string Logged(const Exchange& x, LogLevel level) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
  const int fd = fileno(file.get());
  Log log({.level = level, .format = LogFormat::kJson, .fd = fd});
  LogExchange(x, log);
  log.Flush(kLong);
  std::string text(16 << 10, '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(0, got)));
  return text;
}

TEST(LogExchange, AServedOneIsDebug) {
  EXPECT_EQ(Logged(Served(), LogLevel::kInfo), "");
  auto line = nlohmann::ordered_json::parse(Logged(Served(), LogLevel::kDebug));
  line.erase("ts");
  EXPECT_EQ(line.dump(),
            R"({"level":"debug","event":"exchange","request_id":"01JD6Z0000000000000000TEST",)"
            R"("caller":"team-a","protocol":"openai_chat","operation":"chat","streaming":true,)"
            R"("requested_model":"gpt-4o","model":"openai/gpt-4o","account":"main",)"
            R"("reason":"requested_model","status":200,"lifecycle":"completed","attempts":1,)"
            R"("tried":"openai/main:200:ok:18ms","prompt_tokens":1000,"completion_tokens":50,)"
            R"("cost":0.0125,"ms":40.25,"first_byte_ms":20,"bytes":4096})");
}

TEST(LogExchange, NeverShowsTextsOrCredentials) {
  Exchange x = Served();
  x.status = 502;
  const std::string line = Logged(x, LogLevel::kDebug);
  for (const char* hidden : {"the prompt", "sk-very-secret", "id-of-the-client"}) {
    EXPECT_THAT(line, Not(HasSubstr(hidden)));
  }
}

TEST(LogExchange, WhatIsNotKnownIsLeftOut) {
  Exchange x;
  x.status = 401;
  x.error = ErrorKind::kInvalidApiKey;
  x.lifecycle = Lifecycle::kFailed;
  const auto line = nlohmann::json::parse(Logged(x, LogLevel::kDebug));
  for (const char* key : {"model", "account", "requested_model", "decision", "reason", "tried",
                          "prompt_tokens", "cost", "ms", "first_byte_ms"}) {
    EXPECT_FALSE(line.contains(key)) << key;
  }
  EXPECT_EQ(line["error"], "invalid_api_key");
}

struct OutcomeCase {
  const char* name;
  void (*change)(Exchange&);
  const char* event;
  const char* level;
};

void FailOver(Exchange& x) {
  x.attempts.insert(x.attempts.begin(), Attempt{.target = TargetAt(1),
                                                .model = x.model,
                                                .event = AttemptEvent::kTimeout,
                                                .failure = FailureClass::kTemporary,
                                                .time = milliseconds(5'000)});
}

const OutcomeCase kOutcomeCases[] = {
    {"client_error", [](Exchange& x) { x.status = 499; }, "exchange", "debug"},
    {"server_error", [](Exchange& x) { x.status = 500; }, "exchange_failed", "warn"},
    {"client_left", [](Exchange& x) { x.lifecycle = Lifecycle::kAborted; }, "exchange", "debug"},
    {"provider_broke_it_off",
     [](Exchange& x) {
       x.lifecycle = Lifecycle::kAborted;
       x.error = ErrorKind::kUpstreamBroken;
     },
     "exchange_failed", "warn"},
    {"failed_over", &FailOver, "exchange_failed_over", "warn"},
    {"failed_over_and_failed",
     [](Exchange& x) {
       FailOver(x);
       x.status = 503;
     },
     "exchange_failed", "warn"},
    {"dead_connection_then_the_same_target",
     [](Exchange& x) {
       FailOver(x);
       x.attempts[0].target = x.target;
     },
     "exchange", "debug"},
};

TEST(LogExchange, TheOutcomeDecidesEventAndLevel) {
  for (const OutcomeCase& c : kOutcomeCases) {
    SCOPED_TRACE(c.name);
    Exchange x = Served();
    c.change(x);
    const auto line = nlohmann::json::parse(Logged(x, LogLevel::kDebug));
    EXPECT_EQ(line["event"], c.event);
    EXPECT_EQ(line["level"], c.level);
    EXPECT_EQ(Logged(x, LogLevel::kInfo).empty(), std::string_view(c.level) == "debug");
  }
}

TEST(LogExchange, ListsTheAttemptsInOrder) {
  Exchange x = Served();
  FailOver(x);
  const auto line = nlohmann::json::parse(Logged(x, LogLevel::kDebug));
  EXPECT_EQ(line["attempts"], 2);
  EXPECT_EQ(line["tried"], "openai/spare:timeout:temporary:5000ms,openai/main:200:ok:18ms");
}

}  // namespace
}  // namespace mainstay::observe
