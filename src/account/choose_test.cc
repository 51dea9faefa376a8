#include "account/choose.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace mainstay::account {
namespace {

// local: three replicas behind one account. openai: one account for one model. off: disabled.
CatalogOptions Options() {
  ProviderOptions local{.name = "local", .endpoints = {"http://a", "http://b", "http://c"}};
  ProviderOptions openai{.name = "openai", .base_url = "http://o"};
  openai.accounts = {{.alias = "main", .models = {"openai/large"}}};
  ProviderOptions off{.name = "off", .base_url = "http://x"};
  off.accounts = {{.alias = "tired", .enabled = false}};
  return {.providers = {local, openai, off},
          .models = {{.name = "local/m", .provider = "local"},
                     {.name = "openai/large", .provider = "openai"},
                     {.name = "openai/small", .provider = "openai"},
                     {.name = "off/m", .provider = "off"}}};
}

struct ChooseCase {
  const char* name;
  std::vector<const char*> models;  // of the verdict, in order
  uint64_t turn;
  std::vector<std::string> want;  // model@endpoint; empty: refused
};

constexpr uint64_t kLastTurn = std::numeric_limits<uint64_t>::max();  // a multiple of 3

const ChooseCase kChooseCases[] = {
    {"one_account", {"openai/large"}, 0, {"openai/large@http://o"}},
    {"one_account_at_any_turn", {"openai/large"}, 7, {"openai/large@http://o"}},
    {"replicas_begin_with_the_turn",
     {"local/m"},
     0,
     {"local/m@http://a", "local/m@http://b", "local/m@http://c"}},
    {"the_next_turn_begins_with_the_next",
     {"local/m"},
     1,
     {"local/m@http://b", "local/m@http://c", "local/m@http://a"}},
    {"the_third_turn",
     {"local/m"},
     2,
     {"local/m@http://c", "local/m@http://a", "local/m@http://b"}},
    {"the_fourth_turn_is_the_first_again",
     {"local/m"},
     3,
     {"local/m@http://a", "local/m@http://b", "local/m@http://c"}},
    {"the_last_turn",
     {"local/m"},
     kLastTurn,
     {"local/m@http://a", "local/m@http://b", "local/m@http://c"}},
    {"models_in_the_verdicts_order",
     {"openai/large", "local/m"},
     0,
     {"openai/large@http://o", "local/m@http://a", "local/m@http://b", "local/m@http://c"}},
    {"a_model_outside_the_accounts_list", {"openai/small"}, 0, {}},
    {"a_disabled_account", {"off/m"}, 0, {}},
    {"what_cannot_serve_is_left_out",
     {"off/m", "openai/small", "openai/large"},
     0,
     {"openai/large@http://o"}},
};

TEST(Choose, TargetsOfTheTable) {
  const Catalog catalog(Options());
  std::vector<Choice> choices(3);  // of an earlier request
  for (const ChooseCase& c : kChooseCases) {
    SCOPED_TRACE(c.name);
    Verdict verdict;
    for (const char* model : c.models) {
      verdict.models.push_back(catalog.Find(model));
    }
    const Result<void> chosen = Choose(verdict, c.turn, choices);
    std::vector<std::string> got;
    for (const Choice& choice : choices) {
      got.push_back(choice.model->name + "@" + choice.target->endpoint);
    }
    EXPECT_EQ(got, c.want);
    ASSERT_EQ(chosen.has_value(), !c.want.empty());
    if (!chosen) {
      EXPECT_EQ(chosen.error().kind, ErrorKind::kNoAccountForModel);
      EXPECT_EQ(chosen.error().side, Side::kGateway);
      EXPECT_NE(chosen.error().message.find(c.models[0]), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace mainstay::account
