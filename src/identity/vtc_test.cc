#include "identity/vtc.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "identity/testing.h"

namespace mainstay::identity {
namespace {

struct AgentCase {
  const char* agent;
  bool want;
  std::vector<std::string> patterns = VtcOptions().client_patterns;
};

const AgentCase kAgentCases[] = {
    {"Cline/1.0", true},
    {"vscode-cline/2.5.1", true},
    {"KILOCODE", true},
    {"kilocode", true},
    {"roo-agent/1.2.3", true},
    {"Roo-Code/3.1", true},
    {"RooCode/3.1", true},
    {"KiloCode/4.0", true},
    {"cline3.2", true},
    {"3cline", true},
    {"VSCodeCline/1", true},
    {"Mozilla/5.0 (X11; Linux) Cline/3.0.65", true},
    {"cursor/1.0", false},
    {"vscode/1.85", false},
    {"Mozilla/5.0", false},
    {"factory-cli/0.27.4", false},
    {"decline-bot", false},
    {"incline", false},
    {"DECLINE", false},
    {"roomba/1.0", false},
    {"kangaroo/2", false},
    {"kilogram", false},
    {"cli-ne", false},
    {"", false},
    {"123", false},
    {"---", false},
    {"\xff\x80 cline", true},
    {"clin\xc3\xa9", false},
    {"Cline/1.0", false, {}},
    {"my-own-agent/7", true, {"own"}},
    {"my-own-agent/7", true, {"OWN"}},
    {"my-own-agent/7", true, {"x", "own-agent"}},
    {"my-own-agent/7", true, {"own agent 7"}},
    {"my-own-other-agent/7", false, {"own-agent"}},
    {"MyOwnAgent", true, {"own-agent"}},
    {"MyOwnAgent", false, {"ownagent"}},
    {"own", false, {"own-agent"}},
    {"agent2", true, {"agent"}},
    {"agent2", true, {"agent2"}},
    {"agent2", false, {"agent22"}},
    {"HTTPServer/1", true, {"server"}},
    {"HTTPServer/1", true, {"http"}},
};

TEST(VtcClients, AgentsOfTheTable) {
  for (const AgentCase& c : kAgentCases) {
    const VtcClients clients({.client_patterns = c.patterns});
    EXPECT_EQ(clients.Contain(c.agent), c.want)
        << c.agent << " / " << (c.patterns.empty() ? "" : c.patterns.back());
  }
}

TEST(VtcClients, ALongAgentCostsNoMoreThanItsBeginning) {
  const VtcClients clients{VtcOptions()};
  EXPECT_TRUE(clients.Contain("cline " + std::string(1 << 20, 'x')));
  EXPECT_FALSE(clients.Contain(std::string(1 << 20, '-') + "cline"));
}

TEST(VtcAgent, TheFirstOfItsPlacesCounts) {
  struct Row {
    const char* name;
    std::string field;
    Lines lines;
    std::string want;
  };
  const Row rows[] = {
      {"nothing", "", {}, ""},
      {"user_agent", "", {{"User-Agent", "u"}}, "u"},
      {"client_agent", "", {{"user-agent", "u"}, {"x-client-agent", "c"}}, "c"},
      {"agent_header", "", {{"user-agent", "u"}, {"X-Client-Agent", "c"}, {"X-Agent", "a"}}, "a"},
      {"field", "f", {{"x-agent", "a"}}, "f"},
      {"field_with_an_escape", "\\u0043line", {{"x-agent", "a"}}, "Cline"},
      {"blank_field", "  ", {{"x-agent", "a"}}, "a"},
      {"blank_header", "", {{"x-agent", ""}, {"user-agent", "u"}}, "u"},
      {"a_long_field_is_cut", std::string(5'000, 'x'), {}, std::string(4'096, 'x')},
  };
  for (const Row& row : rows) {
    const BodyWith body({}, row.field);
    std::string scratch = "left behind";
    EXPECT_EQ(AgentOf(HeadersOf(row.lines), body.request(), scratch), row.want) << row.name;
  }
}

TEST(VtcOptionsTest, PatternsMustBeNames) {
  Problems problems;
  Validate(VtcOptions{}, problems);
  Validate({.client_patterns = {}}, problems);
  EXPECT_TRUE(problems.empty());
  Validate({.client_patterns = {"ok", "", "--", "zażółć"}}, problems);
  std::vector<std::string> paths;
  for (const Problem& problem : problems.list()) {
    paths.push_back(problem.path);
  }
  EXPECT_EQ(paths, (std::vector<std::string>{"session.vtc_client_patterns[1]",
                                             "session.vtc_client_patterns[2]",
                                             "session.vtc_client_patterns[3]"}));
}

}  // namespace
}  // namespace mainstay::identity
