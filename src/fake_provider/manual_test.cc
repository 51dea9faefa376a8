// docs/fake_provider.md: its example is run, and its tables name what there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "fake_provider/testing/provider_world.h"

namespace mainstay::fake_provider {
namespace {

using testing::Chat;
using testing::Got;
using ::testing::HasSubstr;
using testing::World;

std::string Manual() {
  std::ifstream file(std::string(MAINSTAY_SOURCE_DIR) + "/docs/fake_provider.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Example() {
  constexpr std::string_view kOpen = "```json\n";
  const std::string manual = Manual();
  const size_t begin = manual.find(kOpen) + kOpen.size();
  return manual.substr(begin, manual.find("```", begin) - begin);
}

TEST(ManualTest, TheExampleDoesWhatItSays) {
  Problems problems;
  Script script = ReadScript(Example(), problems);
  ASSERT_TRUE(problems.empty()) << problems.list().front().path << " "
                                << problems.list().front().message;
  Options options;
  options.accounts = {{.alias = "alice", .api_key = Secret("key-alice")},
                      {.alias = "bob", .api_key = Secret("key-bob")}};
  World world(options);
  world.provider().SetScript(std::move(script));
  const auto ask = [&](std::string_view key, std::string body) {
    return world.Send({.key = "key-" + std::string(key), .body = std::move(body)});
  };

  const Got limited = ask("alice", Chat("hi"));
  EXPECT_EQ(limited.status, 429);
  EXPECT_EQ(limited.Header("retry-after"), "30");
  EXPECT_THAT(ask("alice", Chat("hi")).body, HasSubstr("Back again."));
  EXPECT_THAT(ask("alice", Chat("hi")).body, HasSubstr("Back again."));

  const std::string weather =
      Chat("the weather?", R"(,"tools":[{"function":{"name":"get_weather"}}])", "demo/large");
  EXPECT_THAT(ask("bob", weather).body, HasSubstr(R"({\"city\": \"Bern\"})"));
  EXPECT_THAT(ask("bob", weather).body, HasSubstr("It rains in Bern."));

  const std::string flaky = Chat("hi", R"(,"stream":true)", "demo/flaky");
  EXPECT_TRUE(ask("bob", flaky).whole());
  EXPECT_EQ(ask("bob", flaky).end, io::IoStatus::kReset);
  EXPECT_TRUE(ask("bob", flaky).whole());

  const Got vectors = world.Send(
      {.target = "/v1/embeddings", .key = "key-bob", .body = R"({"model":"e","input":"x"})"});
  EXPECT_EQ(vectors.head_after, std::chrono::milliseconds(100));
}

TEST(ManualTest, TheAnswerInItIsTheRealOne) {
  World world;
  std::string manual = Manual();
  std::replace(manual.begin(), manual.end(), '\n', ' ');
  const std::string body = world.Chat(Chat("hello")).body;
  const size_t begin = body.find("\"content\"");
  EXPECT_THAT(manual, HasSubstr(body.substr(begin, body.find(R"(\"hello\"")") + 10 - begin)));
}

TEST(ManualTest, EveryFieldIsDescribed) {
  const std::string manual = Manual();
  for (const std::string_view name : FieldNames()) {
    EXPECT_THAT(manual, HasSubstr("`" + std::string(name) + "`"));
  }
}

}  // namespace
}  // namespace mainstay::fake_provider
