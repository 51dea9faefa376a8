#include "identity/options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mainstay::identity {
namespace {

CallerOptions Caller(std::string name, std::vector<std::string> keys) {
  CallerOptions caller{.name = std::move(name)};
  for (std::string& key : keys) {
    caller.keys.emplace_back(std::move(key));
  }
  return caller;
}

CallerOptions Allowing(std::vector<std::string> patterns) {
  CallerOptions caller = Caller("p", {"key-p"});
  caller.allow_models = std::move(patterns);
  return caller;
}

struct CallersCase {
  const char* name;
  std::vector<CallerOptions> callers;
  std::vector<std::string> paths;  // of the problems
};

const CallersCase kCallersCases[] = {
    {"nobody_is_fine", {}, {}},
    {"two_callers_with_own_keys", {Caller("p", {"kp"}), Caller("q", {"kq", "kq2"})}, {}},
    {"a_caller_without_a_name", {Caller("", {"kp"})}, {"callers[0].name"}},
    {"two_callers_of_one_name", {Caller("p", {"kp"}), Caller("p", {"kq"})}, {"callers[1].name"}},
    {"two_callers_with_one_key",
     {Caller("p", {"same"}), Caller("q", {"other", "same"})},
     {"callers[1].keys[1]"}},
    {"one_caller_with_a_key_twice", {Caller("p", {"same", "same"})}, {"callers[0].keys[1]"}},
    {"a_caller_without_keys", {Caller("p", {})}, {"callers[0].keys"}},
    {"an_empty_key", {Caller("p", {""})}, {"callers[0].keys[0]"}},
    {"every_model", {Allowing({"*"})}, {}},
    {"a_star_at_the_end", {Allowing({"openai/*", "local/llama"})}, {}},
    {"a_star_in_the_middle", {Allowing({"openai/*-mini"})}, {"callers[0].allow_models[0]"}},
    {"two_stars", {Allowing({"**"})}, {"callers[0].allow_models[0]"}},
    {"an_empty_pattern", {Allowing({""})}, {"callers[0].allow_models[0]"}},
    {"no_patterns", {Allowing({})}, {"callers[0].allow_models"}},
    {"a_negative_rate",
     {CallerOptions{.name = "p", .keys = {Secret("k")}, .requests_per_minute = -1}},
     {"callers[0].requests_per_minute"}},
    {"a_negative_concurrency",
     {CallerOptions{.name = "p", .keys = {Secret("k")}, .max_concurrency = -1}},
     {"callers[0].max_concurrency"}},
};

TEST(IdentityOptions, ProblemsOfTheTable) {
  for (const CallersCase& c : kCallersCases) {
    Problems problems;
    Validate(Options{.callers = c.callers}, problems);
    std::vector<std::string> paths;
    for (const Problem& problem : problems.list()) {
      paths.push_back(problem.path);
    }
    EXPECT_EQ(paths, c.paths) << c.name;
  }
}

TEST(IdentityOptions, NoMessageHoldsAKey) {
  Problems problems;
  Validate(Options{.callers = {Caller("p", {"sk-planted"}), Caller("q", {"sk-planted"})}},
           problems);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].message.find("sk-planted"), std::string::npos);
  EXPECT_NE(problems.list()[0].message.find("callers[0].keys[0]"), std::string::npos);
}

}  // namespace
}  // namespace mainstay::identity
