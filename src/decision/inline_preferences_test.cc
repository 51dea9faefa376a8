#include "decision/inline_preferences.h"

#include <gtest/gtest.h>

#include <string>

#include "base/json_reader.h"

namespace mainstay::decision {
namespace {

const CatalogOptions kTwoModels = {
    .providers = {{.name = "p", .base_url = "http://h"}},
    .models = {{.name = "p/a", .provider = "p", .aliases = {"first"}},
               {.name = "p/b", .provider = "p"}}};

// What was read, or what is wrong with it.
std::string Read(std::string text, std::vector<std::string> allowed = {}) {
  const Catalog catalog(kTwoModels);
  const CallerView caller{.name = "c", .allow_models = allowed};
  const size_t bytes = text.size();
  text.append(json::kPadding, '\0');
  const auto read = ReadInlinePreferences(std::string_view(text).substr(0, bytes), catalog, caller);
  if (!read) {
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidField);
    EXPECT_EQ(read.error().side, Side::kClient);
    EXPECT_TRUE(read.error().param.starts_with("routing_preferences"));
    return read.error().message;
  }
  std::string all;
  for (const PreferenceOptions& preference : *read) {
    all += preference.route.name + "(" + preference.route.description + ")";
    for (const std::string& model : preference.models) {
      all += " " + model;
    }
    all += preference.prefer == Prefer::kCheapest  ? " cheapest;"
           : preference.prefer == Prefer::kFastest ? " fastest;"
                                                   : ";";
  }
  return all;
}

struct ReadCase {
  const char* name;
  std::string text;
  std::string want;
};

const ReadCase kReadCases[] = {
    {"all", R"([{"name":"x","description":"d","models":["p/a","p/b"]}])", "x(d) p/a p/b;"},
    {"no_description", R"([{"name":"x","models":["first"]}])", "x() first;"},
    {"cheapest", R"([{"name":"x","models":["p/a"],"selection_policy":{"prefer":"cheapest"}}])",
     "x() p/a cheapest;"},
    {"fastest", R"([{"name":"x","models":["p/a"],"selection_policy":{"prefer":"fastest"}}])",
     "x() p/a fastest;"},
    {"none", R"([{"name":"x","models":["p/a"],"selection_policy":{"prefer":"none"}}])", "x() p/a;"},
    {"no_policy", R"([{"name":"x","models":["p/a"],"selection_policy":{}}])", "x() p/a;"},
    {"two", R"([{"name":"x","models":["p/a"]},{"name":"y","models":["p/b"]}])", "x() p/a;y() p/b;"},
    {"letters_of_all_kinds", R"([{"name":"gr\u00fcn 1","models":["p/a"]}])", "gr\u00fcn 1() p/a;"},
    {"a_text", R"("x")", "'routing_preferences' must be a list of preferences"},
    {"an_empty_list", "[]", "'routing_preferences' must have at least one entry"},
    {"a_number", "[1]",
     "'routing_preferences[0]' must be an object with name, description and models"},
    {"no_name", R"([{"models":["p/a"]}])", "'routing_preferences[0]' needs a 'name'"},
    {"a_name_that_is_a_number", R"([{"name":1}])",
     "'routing_preferences[0]' has a name that is no text"},
    {"a_header_in_the_name", R"([{"name":"a\r\nb: c","models":["p/a"]}])",
     "'routing_preferences[0]' has a name that must not have control characters, nor a blank at "
     "its beginning or end"},
    {"a_long_name", R"([{"name":")" + std::string(257, 'x') + R"(","models":["p/a"]}])",
     "'routing_preferences[0]' has a name that must not be longer than 256 bytes"},
    {"a_long_description",
     R"([{"name":"x","description":")" + std::string(16'385, 'x') + R"(","models":["p/a"]}])",
     "'routing_preferences[0]' has a description of more than 16384 bytes"},
    {"no_models", R"([{"name":"x"}])",
     "'routing_preferences[0]' needs 'models', a list of model names"},
    {"a_model_that_is_no_list", R"([{"name":"x","models":"p/a"}])",
     "'routing_preferences[0]' needs 'models', a list of model names"},
    {"an_unknown_model", R"([{"name":"x","models":["p/a"]},{"name":"y","models":["p/c"]}])",
     "'routing_preferences[1]' names the model 'p/c', which is not configured here"},
    {"a_name_twice", R"([{"name":"x","models":["p/a"]},{"name":"x","models":["p/b"]}])",
     "'routing_preferences[1]' has the name of an earlier one"},
    {"an_unknown_key", R"([{"name":"x","models":["p/a"],"model":"p/a"}])",
     "'routing_preferences[0]' has a key that is none of name, description, models and "
     "selection_policy"},
    {"an_unknown_policy", R"([{"name":"x","models":["p/a"],"selection_policy":{"prefer":"best"}}])",
     "'routing_preferences[0]' has a selection_policy that is none of none, cheapest and fastest"},
    {"an_unknown_key_of_the_policy",
     R"([{"name":"x","models":["p/a"],"selection_policy":{"by":"price"}}])",
     "'routing_preferences[0]' has a key in its selection_policy that is not 'prefer'"},
};

TEST(InlinePreferences, Table) {
  for (const ReadCase& c : kReadCases) {
    EXPECT_EQ(Read(c.text), c.want) << c.name;
  }
}

TEST(InlinePreferences, AModelThatTheCallerMayNotUse) {
  EXPECT_EQ(Read(R"([{"name":"x","models":["p/a","p/b"]}])", {"p/a"}),
            "'routing_preferences[0]' names the model 'p/b', which this key may not use");
}

TEST(InlinePreferences, NoMoreThanTheMost) {
  std::string list = "[";
  for (int i = 0; i < 256; ++i) {
    list += R"({"name":"n)" + std::to_string(i) + R"(","models":["p/a"]},)";
  }
  EXPECT_EQ(Read(list + R"({"name":"y","models":["p/a"]}])"),
            "'routing_preferences' has more than 256 entries");
  list.back() = ']';
  EXPECT_TRUE(Read(list).starts_with("n0() p/a;"));
}

}  // namespace
}  // namespace mainstay::decision
