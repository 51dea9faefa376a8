#include "identity/callers.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mainstay::identity {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kStartMs = 1'732'185'600'000;

WallTime At(int64_t ms) {
  return WallTime(milliseconds(kStartMs + ms));
}

Options TwoCallers() {
  Options options;
  options.callers.push_back({.name = "p", .keys = {Secret("kp"), Secret("kp2")}});
  options.callers.push_back(
      {.name = "q", .keys = {Secret("kq")}, .allow_models = {"openai/*", "local/llama"}});
  return options;
}

struct FindCase {
  const char* name;
  const char* credential;
  const char* want;  // the caller's name; empty: refused
  const char* says = "";
};

const FindCase kFindCases[] = {
    {"the_first_callers_key", "kp", "p"},
    {"the_first_callers_other_key", "kp2", "p"},
    {"the_second_callers_key", "kq", "q"},
    {"no_key", "", "", "no API key was given"},
    {"an_unknown_key", "kz", "", "not known here"},
    {"the_beginning_of_a_key", "k", "", "not known here"},
    {"a_key_and_more", "kp ", "", "not known here"},
    {"a_key_in_another_case", "KP", "", "not known here"},
    {"a_callers_name", "p", "", "not known here"},
};

TEST(Callers, FindsThoseOfTheTable) {
  const Callers callers(TwoCallers(), nullptr);
  for (const FindCase& c : kFindCases) {
    SCOPED_TRACE(c.name);
    const Result<const Caller*> found = callers.Find(c.credential);
    EXPECT_EQ(found ? (*found)->name : "", c.want);
    if (!found) {
      EXPECT_EQ(found.error().kind, ErrorKind::kInvalidApiKey);
      EXPECT_EQ(found.error().side, Side::kClient);
      EXPECT_NE(found.error().message.find(c.says), std::string::npos) << found.error().message;
      EXPECT_EQ(found.error().message.find("kz"), std::string::npos);
    }
  }
}

TEST(Callers, WithoutCallersEverybodyIsAnonymous) {
  const Callers callers({}, nullptr);
  for (const char* credential : {"", "anything"}) {
    const Result<const Caller*> found = callers.Find(credential);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ((*found)->name, "anonymous");
    EXPECT_TRUE((*found)->View().Allows("any/model"));
    EXPECT_TRUE(Callers::Admit(**found, At(0)).has_value());
  }
}

TEST(Callers, AViewAllowsWhatIsConfigured) {
  const Callers callers(TwoCallers(), nullptr);
  EXPECT_TRUE((*callers.Find("kp"))->View().Allows("anything"));
  const CallerView q = (*callers.Find("kq"))->View();
  EXPECT_EQ(q.name, "q");
  EXPECT_TRUE(q.Allows("openai/gpt-4o"));
  EXPECT_TRUE(q.Allows("local/llama"));
  EXPECT_FALSE(q.Allows("local/llama-2"));
}

TEST(Callers, AStarAmongOthersAllowsEverything) {
  Options options;
  options.callers.push_back({.name = "p", .keys = {Secret("k")}, .allow_models = {"a", "*"}});
  const Callers callers(options, nullptr);
  EXPECT_TRUE((*callers.Find("k"))->View().Allows("z"));
}

// ---- Limits. A caller with these limits, and what becomes of requests at these times.

Caller Limited(int64_t per_minute, int64_t concurrency) {
  Caller caller;
  caller.requests_per_minute = per_minute;
  caller.max_concurrency = concurrency;
  caller.use = std::make_shared<CallerUse>();
  return caller;
}

struct RateStep {
  int64_t at_ms;
  int64_t retry_after;  // 0: let through
};
struct RateCase {
  const char* name;
  int64_t per_minute;
  std::vector<RateStep> steps;
};

const RateCase kRateCases[] = {
    {"no_limit", 0, {{0, 0}, {0, 0}, {0, 0}}},
    {"at_the_limit_and_above", 2, {{0, 0}, {0, 0}, {0, 60}}},
    {"the_wait_is_what_is_left_of_the_minute", 1, {{0, 0}, {1'000, 59}, {59'000, 1}}},
    {"a_part_of_a_second_counts_as_one", 1, {{0, 0}, {58'990, 2}, {59'990, 1}}},
    {"the_minute_ends_after_60_seconds", 1, {{0, 0}, {59'990, 1}, {60'000, 0}, {60'000, 60}}},
    {"a_minute_begins_with_its_first_request",
     1,
     {{0, 0}, {90'000, 0}, {149'990, 1}, {150'000, 0}}},
    {"refused_requests_are_not_counted",
     2,
     {{0, 0}, {0, 0}, {1'000, 59}, {1'000, 59}, {60'000, 0}, {60'000, 0}, {60'000, 60}}},
    {"a_clock_a_little_behind_is_the_same_minute", 2, {{5'000, 0}, {4'000, 0}, {4'000, 61}}},
    {"a_clock_set_back_begins_a_new_minute", 1, {{3'600'000, 0}, {0, 0}, {1'000, 59}}},
    {"a_clock_set_back_by_a_minute", 1, {{60'000, 0}, {0, 0}}},
    {"a_clock_set_back_by_less", 1, {{60'000, 0}, {10, 120}}},
};

TEST(CallerLimits, RatesOfTheTable) {
  for (const RateCase& c : kRateCases) {
    SCOPED_TRACE(c.name);
    const Caller caller = Limited(c.per_minute, 0);
    for (size_t i = 0; i < c.steps.size(); ++i) {
      const Result<CallerLease> lease = Callers::Admit(caller, At(c.steps[i].at_ms));
      ASSERT_EQ(lease.has_value(), c.steps[i].retry_after == 0) << "step " << i;
      if (!lease) {
        EXPECT_EQ(lease.error().kind, ErrorKind::kCallerRateLimited);
        EXPECT_EQ(lease.error().retry, Retry::kLater);
        ASSERT_TRUE(lease.error().retry_after.has_value());
        EXPECT_EQ(lease.error().retry_after->count(), c.steps[i].retry_after) << "step " << i;
      }
    }
  }
}

TEST(CallerLimits, ConcurrencyIsGivenBack) {
  const Caller caller = Limited(0, 2);
  Result<CallerLease> first = Callers::Admit(caller, At(0));
  Result<CallerLease> second = Callers::Admit(caller, At(0));
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(second.has_value());
  const Result<CallerLease> third = Callers::Admit(caller, At(0));
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().retry_after, std::chrono::seconds(1));
  EXPECT_EQ(caller.use->running.load(), 2);

  CallerLease moved = std::move(*first);
  EXPECT_FALSE(Callers::Admit(caller, At(0)).has_value()) << "a moved lease is still held";
  moved = CallerLease();
  EXPECT_TRUE(Callers::Admit(caller, At(0)).has_value());
  EXPECT_EQ(caller.use->running.load(), 1);
}

TEST(CallerLimits, ARateThatIsUsedUpTakesNoPlace) {
  const Caller caller = Limited(1, 5);
  {
    ASSERT_TRUE(Callers::Admit(caller, At(0)).has_value());
  }
  ASSERT_FALSE(Callers::Admit(caller, At(0)).has_value());
  EXPECT_EQ(caller.use->running.load(), 0);
}

TEST(CallerLimits, ARefusedPlaceUsesNothingOfTheRate) {
  const Caller caller = Limited(2, 1);
  {
    const Result<CallerLease> held = Callers::Admit(caller, At(0));
    EXPECT_FALSE(Callers::Admit(caller, At(0)).has_value());
  }
  EXPECT_TRUE(Callers::Admit(caller, At(0)).has_value());
  EXPECT_FALSE(Callers::Admit(caller, At(0)).has_value());
}

TEST(CallerLimits, ThreadsTogetherGetExactlyTheLimit) {
  constexpr int kThreads = 4;
  constexpr int kTries = 5'000;
  constexpr int64_t kLimit = 7'000;
  const Caller caller = Limited(kLimit, 0);
  {
    ASSERT_TRUE(Callers::Admit(caller, At(0)).has_value());
  }  // the minute before
  std::atomic<int64_t> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kTries; ++i) {
        admitted += Callers::Admit(caller, At(60'000)).has_value() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(admitted.load(), kLimit);
}

TEST(Callers, WhatWasUsedOutlivesAReload) {
  Options options;
  options.callers.push_back({.name = "p", .keys = {Secret("k1")}, .requests_per_minute = 1});
  const auto before = std::make_unique<Callers>(options, nullptr);
  ASSERT_TRUE(Callers::Admit(**before->Find("k1"), At(0)).has_value());

  options.callers[0].keys = {Secret("k2")};  // a new key is the same caller
  options.callers.push_back({.name = "q", .keys = {Secret("kq")}, .requests_per_minute = 1});
  const Callers after(options, before.get());
  EXPECT_FALSE(after.Find("k1").has_value());
  EXPECT_FALSE(Callers::Admit(**after.Find("k2"), At(0)).has_value());
  EXPECT_TRUE(Callers::Admit(**after.Find("kq"), At(0)).has_value());
}

}  // namespace
}  // namespace mainstay::identity
