// Runs the .case files of this folder through the stages that decide, as the pipeline calls them.
// Each decision is made a second time from its record alone, because replay promises just that.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "account/choose.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "decision/decide.h"
#include "golden/scenario.h"
#include "identity/callers.h"
#include "model/catalog.h"
#include "model/exchange.h"
#include "policy/decide.h"
#include "wire/openai_chat/errors.h"
#include "wire/protocol.h"

namespace mainstay::golden {
namespace {

// What the stages keep from one request to the next.
struct Memory {
  std::string scratch;
  Request request;
  BaseDecision base;
  Verdict verdict;
  std::vector<account::Choice> choices;
};

std::string Body(std::string_view model) {
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("model").String(model).Key("messages").BeginArray().BeginObject();
  writer.Key("role").String("user").Key("content").String("hi").EndObject().EndArray().EndObject();
  return body;
}

// All stages in the pipeline's order; what the first one that refuses says is the outcome.
Result<void> RunStages(const Scenario& scenario, const Catalog& catalog,
                       const identity::Callers& callers, std::string_view body, Memory& memory) {
  MS_TRY(const identity::Caller* caller, callers.Find(scenario.key));
  Result<void> decoded =
      wire::RowOf(Protocol::kOpenAiChat)
          .decode_request(Operation::kChat, body, memory.scratch, nullptr, memory.request);
  if (!decoded) {
    return decoded;
  }
  MS_TRY(const decision::Requested requested,
         decision::Resolve(memory.request.model, catalog, scenario.decision));
  Result<void> ranked = decision::ServeRequested(requested, Reason::kRequestedModel, memory.base);
  if (!ranked) {
    return ranked;
  }
  Result<void> judged = policy::Decide(memory.base, std::nullopt, caller->View(), memory.verdict);
  if (!judged) {
    return judged;
  }
  return account::Choose(memory.verdict, scenario.turn, memory.choices);
}

// "model M ; reason R ; targets A@URL A@URL", or "error CODE" and " ; param P" when there is one.
std::string Decide(const Scenario& scenario, Memory& memory) {
  const Catalog catalog(scenario.catalog);
  const identity::Callers callers(scenario.identity, nullptr);
  std::string body = Body(scenario.model);
  const size_t bytes = body.size();
  body.append(json::kPadding, '\0');
  const Result<void> outcome =
      RunStages(scenario, catalog, callers, std::string_view(body).substr(0, bytes), memory);
  if (!outcome) {
    const Error& error = outcome.error();
    const std::string code(wire::openai_chat::ShapeOf(error.kind).code);
    return "error " + code + (error.param.empty() ? "" : " ; param " + error.param);
  }
  std::string text = "model " + memory.verdict.models.front()->name + " ; reason " +
                     std::string(ReasonText(memory.verdict.reason)) + " ; targets";
  for (const account::Choice& choice : memory.choices) {
    text += " " + choice.target->account + "@" + choice.target->endpoint;
  }
  return text;
}

std::vector<Case> AllCases() {
  const std::filesystem::path folder(MAINSTAY_SOURCE_DIR "/tests/golden");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".case") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  std::vector<Case> cases;
  for (const std::filesystem::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::ranges::move(ReadCases(path.filename().string(), text), std::back_inserter(cases));
  }
  return cases;
}

class GoldenTest : public testing::TestWithParam<Case> {};

TEST_P(GoldenTest, DecidesAsWritten) {
  const Case& c = GetParam();
  Problems problems;
  Validate(c.scenario.catalog, problems);
  Validate(c.scenario.identity, problems);
  for (const Problem& problem : problems.list()) {
    ADD_FAILURE() << c.place << ": " << problem.path << ": " << problem.message;
  }
  Memory memory;
  EXPECT_EQ(Decide(c.scenario, memory), c.then) << c.place;
}

TEST_P(GoldenTest, DecidesTheSameFromItsRecord) {
  const Case& c = GetParam();
  Memory fresh;
  const std::string record = Record(c.scenario);
  const std::string first = Decide(c.scenario, fresh);
  const Scenario recalled = ReadRecord(record);
  EXPECT_EQ(Record(recalled), record) << c.place;
  Memory used;
  for (const std::string_view model : {"p/something-else", "", "x"}) {  // traces of other requests
    Scenario other = recalled;
    other.model = model;
    other.turn += 1;
    Decide(other, used);
  }
  EXPECT_EQ(Decide(recalled, used), first) << c.place;
  EXPECT_EQ(Decide(recalled, used), first) << c.place;
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTest, testing::ValuesIn(AllCases()), CaseName);

}  // namespace
}  // namespace mainstay::golden
