#include "config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace mainstay::config {
namespace {

using testing::HasSubstr;

TEST(Reference, PageInTheTreeIsTheGeneratedOne) {
  std::ifstream file(MAINSTAY_SOURCE_DIR "/docs/reference/config.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  EXPECT_TRUE(page == ConfigReference())
      << "docs/reference/config.md differs from the tables in src/config/sections. To regenerate "
         "it: mainstay config reference > docs/reference/config.md";
}

TEST(Reference, NamesEverySectionAndKey) {
  const std::string page = ConfigReference();
  for (const char* part :
       {"\n## `server.limits`\n", "\n## `providers[].accounts[]`\n", "\n## `models[].pricing`\n",
        "| `body_bytes` | whole number from 1 to 2147483648 | `33554432` |",
        "| `name` | text | required |", "one of `debug`, `info`, `warn`, `error`"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

}  // namespace
}  // namespace mainstay::config
