#include "wire/openai_chat/models.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mainstay::wire::openai_chat {
namespace {

using Json = nlohmann::ordered_json;

CatalogOptions Options() {
  CatalogOptions options;
  options.providers = {{.name = "openai", .base_url = "http://h/v1"},
                       {.name = "local", .base_url = "http://l/v1"}};
  options.models = {{.name = "openai/gpt-4o",
                     .provider = "openai",
                     .aliases = {"best", "say \"hi\""},
                     .context_window = 128000,
                     .max_output = 16384},
                    {.name = "local/llama", .provider = "local"}};
  return options;
}

struct ListCase {
  const char* name;
  std::vector<std::string> allow_models;
  std::vector<std::string> ids;
};

const ListCase kListCases[] = {
    {"everything", {}, {"openai/gpt-4o", "best", "say \"hi\"", "local/llama"}},
    {"a_star", {"*"}, {"openai/gpt-4o", "best", "say \"hi\"", "local/llama"}},
    {"one_provider", {"local/*"}, {"local/llama"}},
    {"one_model_brings_its_aliases", {"openai/gpt-4o"}, {"openai/gpt-4o", "best", "say \"hi\""}},
    {"an_alias_allows_nothing", {"best"}, {}},
    {"nothing_that_exists", {"x"}, {}},
};

TEST(ChatModels, ListsOfTheTable) {
  const Catalog catalog(Options());
  for (const ListCase& c : kListCases) {
    SCOPED_TRACE(c.name);
    std::string text;
    AppendModelList(catalog, {.allow_models = c.allow_models}, text);
    const Json list = Json::parse(text);
    EXPECT_EQ(list["object"], "list");
    std::vector<std::string> ids;
    for (const Json& model : list["data"]) {
      ids.push_back(model["id"]);
      EXPECT_EQ(model["object"], "model");
    }
    EXPECT_EQ(ids, c.ids);
  }
}

TEST(ChatModels, TheBytesOfAModel) {
  const Catalog catalog(Options());
  std::string text;
  AppendModel(*catalog.Find("openai/gpt-4o"), "gpt-4o", text);
  EXPECT_EQ(text, R"({"id":"gpt-4o","object":"model","created":0,"owned_by":"openai",)"
                  R"("context_window":128000,"max_output_tokens":16384})");
  text.clear();
  AppendModel(*catalog.Find("local/llama"), "local/llama", text);
  EXPECT_EQ(text, R"({"id":"local/llama","object":"model","created":0,"owned_by":"local"})");
}

}  // namespace
}  // namespace mainstay::wire::openai_chat
