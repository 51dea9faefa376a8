#include "config/writer.h"

#include <gtest/gtest.h>

namespace mainstay::config {
namespace {

TEST(Writer, MappingsAndListsOfThem) {
  Writer writer("");
  writer.Line("version", "1");
  writer.Begin("models");
  for (const char* name : {"a", "b"}) {
    writer.BeginItem();
    writer.Line("name", QuotedText(name));
    writer.Begin("pricing");
    writer.Line("prompt_per_1m", "0");
    writer.End();
    writer.EndItem();
  }
  writer.End();
  writer.Line("state", "{}");
  EXPECT_EQ(writer.text(),
            "version: 1\n"
            "models:\n"
            "  - name: \"a\"\n"
            "    pricing:\n"
            "      prompt_per_1m: 0\n"
            "  - name: \"b\"\n"
            "    pricing:\n"
            "      prompt_per_1m: 0\n"
            "state: {}\n");
}

TEST(Writer, QuotesTextSoThatItReadsBack) {
  EXPECT_EQ(QuotedText("a\"b\\c\n\x7f"), "\"a\\\"b\\\\c\\u000a\\u007f\"");
}

}  // namespace
}  // namespace mainstay::config
