#include "decision/router/text_classifier.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "decision/router/fasttext_library.h"
#include "decision/router/local_router.h"
#include "decision/router/testing/route_files.h"
#include "http/io/stream.h"

namespace mainstay::decision {
namespace {

using testing::HeldOut;
using testing::ReadHeldOut;
using testing::ReadRoutes;

std::shared_ptr<const TextClassifier> Make(const std::vector<Route>& routes,
                                           const std::string& directory = "") {
  auto made = TextClassifier::Make(routes, {.directory = directory, .library = MAINSTAY_FASTTEXT});
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(made).value();
}

RouterAnswer Ask(LocalRouter& router, const std::vector<Route>& routes,
                 const Conversation& conversation) {
  RouterAnswer answer;
  io::CancelScope scope;
  auto run = [&]() -> io::Task<void> {
    answer = co_await router.Ask(RouteSet(routes), conversation, WallTime{}, scope);
  };
  io::Spawn(run());
  return answer;
}

struct NormalizeCase {
  const char* name;
  const char* text;
  const char* want;
};

const NormalizeCase kNormalizeCases[] = {
    {"nothing", "", ""},
    {"lower case, punctuation gone", "  Hello,World! (it's) ", "hello world it s"},
    {"underscores part words", "code_generation", "code generation"},
    {"numbers are alike", "1 23 4.5 utf8 x86_64", "0 0 0 0 utf0 x0 0"},
    {"labels cannot be forged", "__label__1 __label__x", "label 0 label x"},
    {"ends of lines", "a\r\nb\n\n c\t", "a b c"},
    {"letters of other alphabets", "ÄÖÜ ß ÉCOLE Привет ЯЫ Ωμέγα", "äöü ß école привет яы Ωμέγα"},
    {"signs", "5 × 3 — “ok” … ¿qué?", "0 × 0 ok qué"},
    {"scripts without blanks", "漢字かな한글a1", "漢 字 か な 한 글 a0"},
    {"bytes that are no text",
     "a\xff\xfe"
     "b",
     "a b"},
};

TEST(NormalizeTest, Table) {
  for (const NormalizeCase& c : kNormalizeCases) {
    EXPECT_EQ(NormalizeForClassifier(c.text), c.want) << c.name;
  }
}

TEST(NormalizeTest, LongTextsAreCutInTheMiddle) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "word ";
  }
  const std::string words = NormalizeForClassifier("first " + text + "last");
  EXPECT_LE(words.size(), static_cast<size_t>(4 * kClassifierTokensMax));
  EXPECT_TRUE(words.starts_with("first ") && words.ends_with(" last"));
}

// Budget of the project: trained in less than 2 s for ten routes (see the bench). Accuracy: the bar
// is a little below what was measured: 36 of 40 right, 4 missed, none wrong; 6 of 8 strangers left
// alone.
TEST(TextClassifierTest, TellsHeldOutSentencesApart) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  LocalRouter router(Make(routes));
  int right = 0;
  int wrong = 0;
  int missed = 0;
  int rejected = 0;
  int sentences = 0;
  int strangers = 0;
  for (const HeldOut& row : ReadHeldOut(MAINSTAY_SOURCE_DIR)) {
    const RouterAnswer answer = Ask(router, routes, {{{Role::kUser, row.text}}});
    const std::string got =
        answer.outcome == RouterOutcome::kMatch ? routes[answer.route].name : "none";
    if (row.demo) {
      EXPECT_EQ(got, row.route) << row.text;
    }
    if (row.route == "none") {
      ++strangers;
      rejected += got == "none";
    } else {
      ++sentences;
      right += got == row.route;
      missed += got == "none";
      wrong += got != row.route && got != "none";
    }
  }
  RecordProperty("right", right);
  RecordProperty("rejected", rejected);
  EXPECT_EQ(sentences, 40);
  EXPECT_EQ(strangers, 8);
  EXPECT_GE(right, 34);
  EXPECT_LE(wrong, 1);
  EXPECT_GE(rejected, 5);
}

TEST(TextClassifierTest, LearnsTheSameEachTime) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  const auto first = Make(routes);
  const auto second = Make(routes);
  for (const HeldOut& row : ReadHeldOut(MAINSTAY_SOURCE_DIR)) {
    const TextClassifier::Guess a = first->Judge(row.text);
    const TextClassifier::Guess b = second->Judge(row.text);
    EXPECT_EQ(a.route, b.route);
    EXPECT_EQ(a.probability, b.probability);
    EXPECT_GE(a.probability, 0);
    EXPECT_LE(a.probability, 1);
  }
}

TEST(TextClassifierTest, DescriptionsAloneAreEnoughToStart) {
  const std::vector<Route> routes = {
      {.name = "code_generation", .description = "writing new code, schemas, functions"},
      {.name = "complex_reasoning", .description = "deep analysis, weighing trade-offs"}};
  const auto classifier = Make(routes);
  EXPECT_EQ(classifier->Judge("write a function for this schema").route, 0);
  EXPECT_EQ(classifier->Judge("an analysis of the trade-offs").route, 1);
}

TEST(TextClassifierTest, TextsThatSayNothing) {
  const auto classifier = Make(ReadRoutes(MAINSTAY_SOURCE_DIR));
  for (const char* text : {"", " \n", "?!", "\xff", "zzz qqq"}) {
    const TextClassifier::Guess guess = classifier->Judge(text);
    EXPECT_LT(guess.probability, LocalRouter::kConfidenceMin) << text;
  }
}

TEST(TextClassifierTest, OddRoutes) {
  EXPECT_FALSE(TextClassifier::Make({}, {.library = MAINSTAY_FASTTEXT}).has_value());
  const std::vector<Route> silent = {{.name = "?"}, {.name = "!"}};
  EXPECT_FALSE(TextClassifier::Make(silent, {.library = MAINSTAY_FASTTEXT}).has_value());
  const std::vector<Route> one = {{.name = "code", .description = "programs"}};
  EXPECT_EQ(Make(one)->Judge("programs").route, 0);
  const std::vector<Route> gap = {{.name = "?"}, {.name = "code", .description = "programs"}};
  EXPECT_EQ(Make(gap)->Judge("programs").route, 1);
}

TEST(TextClassifierTest, AMissingLibraryIsNamed) {
  const auto made =
      TextClassifier::Make(ReadRoutes(MAINSTAY_SOURCE_DIR), {.library = "/nowhere/it.so"});
  ASSERT_FALSE(made.has_value());
  EXPECT_NE(made.error().message.find("/nowhere/it.so"), std::string::npos);
  EXPECT_EQ(made.error().side, Side::kGateway);
}

// --- files

class TextClassifierFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "text_classifier_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::vector<std::filesystem::path> Files() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      files.push_back(entry.path());
    }
    return files;
  }

  std::string folder_;
};

TEST_F(TextClassifierFileTest, IsReadTheSecondTime) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  const auto trained = Make(routes, folder_);
  EXPECT_EQ(trained->origin(), ModelOrigin::kTrained);
  EXPECT_EQ(trained->write_problem(), "");
  ASSERT_EQ(Files().size(), 1U);
  const auto loaded = Make(routes, folder_);
  EXPECT_EQ(loaded->origin(), ModelOrigin::kLoaded);
  EXPECT_EQ(loaded->routes_hash(), trained->routes_hash());
  for (const HeldOut& row : ReadHeldOut(MAINSTAY_SOURCE_DIR)) {
    EXPECT_EQ(loaded->Judge(row.text).route, trained->Judge(row.text).route);
    EXPECT_EQ(loaded->Judge(row.text).probability, trained->Judge(row.text).probability);
  }
  std::vector<Route> others = routes;
  others[0].examples.pop_back();
  EXPECT_EQ(Make(others, folder_)->origin(), ModelOrigin::kTrained);
  EXPECT_EQ(Files().size(), 1U) << "the newest alone is kept";
}

TEST_F(TextClassifierFileTest, ADamagedFileIsReplaced) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  Make(routes, folder_);
  const std::filesystem::path file = Files().at(0);
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  EXPECT_EQ(Make(routes, folder_)->origin(), ModelOrigin::kTrained);
  EXPECT_EQ(Make(routes, folder_)->origin(), ModelOrigin::kLoaded);
  EXPECT_EQ(Files().size(), 1U);
}

TEST_F(TextClassifierFileTest, WorksWhereNothingCanBeWritten) {
  const auto classifier = Make(ReadRoutes(MAINSTAY_SOURCE_DIR), folder_ + "/none");
  EXPECT_EQ(classifier->origin(), ModelOrigin::kTrained);
  EXPECT_NE(classifier->write_problem(), "");
  EXPECT_EQ(classifier->Judge("translate this into german").route, 3);
}

TEST(TextClassifierTest, ManyThreadsMayJudgeAtATime) {
  const auto classifier = Make(ReadRoutes(MAINSTAY_SOURCE_DIR));
  const std::vector<HeldOut> rows = ReadHeldOut(MAINSTAY_SOURCE_DIR);
  std::vector<TextClassifier::Guess> want;
  for (const HeldOut& row : rows) {
    want.push_back(classifier->Judge(row.text));
  }
  std::vector<int> differ(4, 0);
  {
    std::vector<std::jthread> threads;
    for (int& count : differ) {
      threads.emplace_back([&] {
        for (size_t i = 0; i < rows.size(); ++i) {
          const TextClassifier::Guess guess = classifier->Judge(rows[i].text);
          count += guess.route != want[i].route || guess.probability != want[i].probability;
        }
      });
    }
  }
  EXPECT_EQ(differ, std::vector<int>(4, 0));
}

// --- the router over it

TEST(LocalRouterTest, JudgesWhatTheUserSaidLast) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  LocalRouter router(Make(routes));
  const Conversation conversation = {{{Role::kUser, "translate this sentence into german"},
                                      {Role::kAssistant, "write a poem about autumn leaves"},
                                      {Role::kUser, "summarize this article in three sentences"},
                                      {Role::kAssistant, "compare the pros and cons"}}};
  const RouterAnswer answer = Ask(router, routes, conversation);
  EXPECT_EQ(answer.outcome, RouterOutcome::kMatch);
  EXPECT_EQ(answer.route, 4);
  EXPECT_GT(answer.confidence, 0.9);
  EXPECT_EQ(answer.source, AnswerSource::kAsked);
}

TEST(LocalRouterTest, AnswersAndFailures) {
  const std::vector<Route> routes = ReadRoutes(MAINSTAY_SOURCE_DIR);
  LocalRouter router(Make(routes));
  const Conversation poem = {{{Role::kUser, "write a poem about autumn leaves"}}};
  EXPECT_EQ(Ask(router, routes, poem).outcome, RouterOutcome::kMatch);
  EXPECT_EQ(Ask(router, routes, {}).outcome, RouterOutcome::kNoMatch);
  EXPECT_EQ(Ask(router, routes, {{{Role::kAssistant, "hm"}}}).outcome, RouterOutcome::kNoMatch);
  EXPECT_EQ(Ask(router, routes, {{{Role::kUser, "zzz"}}}).outcome, RouterOutcome::kNoMatch);
  EXPECT_EQ(Ask(router, {}, poem).outcome, RouterOutcome::kNoMatch);
  const RouterAnswer others = Ask(router, {{.name = "poetry"}}, poem);
  EXPECT_EQ(others.outcome, RouterOutcome::kUntrained);
  LocalRouter unlearned(nullptr);
  EXPECT_EQ(Ask(unlearned, routes, poem).outcome, RouterOutcome::kUntrained);
  EXPECT_GT(router.Limits(RouteSet(routes)).turns_max, 0);
}

}  // namespace
}  // namespace mainstay::decision
