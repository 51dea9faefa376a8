#include "decision/router/options.h"

#include <gtest/gtest.h>

namespace mainstay::decision {
namespace {

using namespace std::chrono_literals;

struct OptionsCase {
  const char* name;
  void (*change)(RouterOptions&);
  const char* path;  // of the one problem; empty: none
};

const OptionsCase kOptionsCases[] = {
    {"the defaults", [](RouterOptions&) {}, ""},
    {"no time at all", [](RouterOptions& o) { o.timeout = 0ms; }, "routing.router.timeout_ms"},
    {"the shortest time", [](RouterOptions& o) { o.timeout = 1ms; }, ""},
    {"the longest time", [](RouterOptions& o) { o.timeout = 60'000ms; }, ""},
    {"too long", [](RouterOptions& o) { o.timeout = 60'001ms; }, "routing.router.timeout_ms"},
    {"no turns", [](RouterOptions& o) { o.max_turns = 0; }, "routing.router.max_turns"},
    {"one turn", [](RouterOptions& o) { o.max_turns = 1; }, ""},
    {"a thousand turns", [](RouterOptions& o) { o.max_turns = 1000; }, ""},
    {"more turns", [](RouterOptions& o) { o.max_turns = 1001; }, "routing.router.max_turns"},
    {"no room", [](RouterOptions& o) { o.max_prompt_tokens = 255; },
     "routing.router.max_prompt_tokens"},
    {"little room", [](RouterOptions& o) { o.max_prompt_tokens = 256; }, ""},
    {"much room", [](RouterOptions& o) { o.max_prompt_tokens = 1'000'000; }, ""},
    {"too much room", [](RouterOptions& o) { o.max_prompt_tokens = 1'000'001; },
     "routing.router.max_prompt_tokens"},
    {"no URL", [](RouterOptions& o) { o.base_url = "127.0.0.1"; }, "routing.router.base_url"},
    {"no URL, which local does not need",
     [](RouterOptions& o) {
       o.base_url = "";
       o.model = "";
       o.type = RouterType::kLocal;
     },
     ""},
    {"no model", [](RouterOptions& o) { o.model = ""; }, "routing.router.model"},
    {"a key that would end the header",
     [](RouterOptions& o) { o.api_key = Secret("key\r\nx-admin: yes"); }, "routing.router.api_key"},
};

TEST(RouterOptionsTest, Validate) {
  for (const OptionsCase& c : kOptionsCases) {
    SCOPED_TRACE(c.name);
    RouterOptions options;
    c.change(options);
    Problems problems;
    Validate(options, "routing.router", problems);
    ASSERT_EQ(problems.list().size(), *c.path == '\0' ? 0U : 1U);
    if (*c.path != '\0') {
      EXPECT_EQ(problems.list()[0].path, c.path);
      EXPECT_EQ(problems.list()[0].message.find("x-admin"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mainstay::decision
