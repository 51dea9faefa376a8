#include "config/embedded.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "config/problem_report.h"
#include "config/testing.h"

namespace mainstay::config {
namespace {

TEST(Embedded, DefaultsAreAGoodConfiguration) {
  for (const bool openai : {false, true}) {
    const Sources sources = openai ? FakeSources({{"OPENAI_API_KEY", "sk-planted"}})
                                   : FakeSources({{"OPENAI_API_KEY", ""}});
    const std::string text = EmbeddedDefaults(sources.environment);
    EXPECT_EQ(text.find("sk-planted"), std::string::npos);
    const LoadResult result = LoadText(text, sources);
    ASSERT_TRUE(std::holds_alternative<Loaded>(result))
        << ProblemReport("embedded", std::get<Problems>(result));
    const Loaded& loaded = std::get<Loaded>(result);
    EXPECT_TRUE(loaded.warnings.empty());
    const CatalogOptions& catalog = loaded.options.catalog;
    ASSERT_EQ(catalog.providers.size(), openai ? 2u : 1u);
    EXPECT_EQ(catalog.models.size(), openai ? 4u : 2u);
    EXPECT_EQ(loaded.options.decision.default_model, "demo/small");
    EXPECT_EQ(loaded.options.decision.router.type, decision::RouterType::kLocal);
    // With any, a request would not always be served by the model that it names, and an idle
    // process would hold a classifier.
    EXPECT_TRUE(loaded.options.decision.preferences.empty());
    EXPECT_EQ(catalog.providers[0].base_url, "http://" + std::string(kDemoProviderListen) + "/v1");
    if (openai) {
      EXPECT_EQ(catalog.providers[1].accounts[0].api_key.Expose(), "sk-planted");
    }
  }
}

TEST(Embedded, TheDemosConfigurationIsAGoodOne) {
  const std::string text = DemoConfig("127.0.0.1:23456", "127.0.0.1:34567");
  const LoadResult result = LoadText(text, FakeSources({}));
  ASSERT_TRUE(std::holds_alternative<Loaded>(result))
      << ProblemReport("demo", std::get<Problems>(result));
  const Loaded& loaded = std::get<Loaded>(result);
  EXPECT_TRUE(loaded.warnings.empty());
  EXPECT_EQ(loaded.options.server.listen, std::vector<std::string>{"127.0.0.1:23456"});
  EXPECT_EQ(loaded.options.state.engine, session::Engine::kMemory);
  for (const ProviderOptions& provider : loaded.options.catalog.providers) {
    EXPECT_EQ(provider.base_url, "http://127.0.0.1:34567/v1");
  }
  const decision::Options& decision = loaded.options.decision;
  EXPECT_EQ(decision.router.type, decision::RouterType::kLocal);
  ASSERT_EQ(decision.preferences.size(), 2u);
  EXPECT_NE(decision.preferences[0].models.front(), decision.preferences[1].models.front());
}

}  // namespace
}  // namespace mainstay::config
