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
    EXPECT_EQ(catalog.providers[0].base_url, "http://" + std::string(kDemoProviderListen) + "/v1");
    if (openai) {
      EXPECT_EQ(catalog.providers[1].accounts[0].api_key.Expose(), "sk-planted");
    }
  }
}

}  // namespace
}  // namespace mainstay::config
