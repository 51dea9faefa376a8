#include "identity/id_text.h"

#include <gtest/gtest.h>

#include <string>

#include "identity/testing.h"

namespace mainstay::identity {
namespace {

TEST(IdText, WhatMayBeAnId) {
  struct Row {
    const char* name;
    std::string text;
    bool usable;
  };
  const Row rows[] = {
      {"empty", "", false},
      {"one_byte", "a", true},
      {"longest", std::string(256, 'a'), true},
      {"too_long", std::string(257, 'a'), false},
      {"blank_inside", "a b", true},
      {"tab", "a\tb", false},
      {"line_feed_last", "1234567\n", false},
      {"nul", std::string("a\0b", 3), false},
      {"unit_separator", "a\x1f", false},
      {"del", "a\x7f", false},
      {"del_in_the_second_word", "12345678\x7f", false},
      {"tilde", "~", true},
      {"letters_of_any_alphabet", "zażółć", true},
      {"control_behind_letters_of_any_alphabet", "zażółć\x01", false},
      {"no_utf_8", "\xff", false},
      {"half_a_letter", "za\xc5", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(IsUsableId(row.text), row.usable) << row.name;
  }
}

TEST(IdText, EveryByteInEveryPlace) {
  for (size_t size = 1; size <= 17; ++size) {
    for (size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 0x80; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(IsUsableId(text), byte >= 0x20 && byte != 0x7f)
            << size << ' ' << at << ' ' << byte;
      }
    }
  }
}

constexpr const char* kUuid = "ac980658-63bd-4fb3-97ba-8da64cb1e344";

TEST(IdText, ClaudeCodeSessionsInUserIds) {
  struct Row {
    const char* name;
    std::string user;  // as it stands in the body
    std::string session;
  };
  const std::string uuid = kUuid;
  const Row rows[] = {
      {"suffix", "user_0a0a_account__session_" + uuid, uuid},
      {"suffix_with_an_account", "user_0a_account_" + uuid + "_session_" + uuid, uuid},
      {"suffix_in_capitals", "user_1_session_AC980658-63BD-4FB3-97BA-8DA64CB1E344",
       "AC980658-63BD-4FB3-97BA-8DA64CB1E344"},
      {"suffix_with_an_escape", "user_1_session\\u005f" + uuid, uuid},
      {"blanks_around", "  user_1_session_" + uuid + " ", uuid},
      {"suffix_that_is_no_uuid", "user_1_session_7", ""},
      {"suffix_too_short", "user_1_session_" + uuid.substr(1), ""},
      {"suffix_with_another_letter", "user_1_session_g" + uuid.substr(1), ""},
      {"something_behind_it", "user_1_session_" + uuid + "x", ""},
      {"just_a_user", "just-a-user", ""},
      {"empty", "", ""},
      {"json", R"({\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"e2\"})", "e2"},
      {"json_in_another_order", R"({\"session_id\":\"e2\",\"device_id\":\"d\"})", "e2"},
      {"json_with_blanks", R"( { \"session_id\" : \" e2 \" } )", "e2"},
      {"json_with_an_escape_inside", R"({\"session_id\":\"e\\u0032\"})", "e2"},
      {"json_with_other_types", R"({\"a\":[1,{}],\"session_id\":\"e2\",\"b\":null})", "e2"},
      {"json_without_a_session", R"({\"device_id\":\"abc123\"})", ""},
      {"json_with_a_number", R"({\"session_id\":7})", ""},
      {"json_with_null", R"({\"session_id\":null})", ""},
      {"json_with_the_session_further_in", R"({\"a\":{\"session_id\":\"e2\"}})", ""},
      {"json_with_something_behind", R"({\"session_id\":\"e2\"}x)", ""},
      {"json_without_an_end", R"({\"session_id\":\"e2\")", ""},
      {"empty_object", "{}", ""},
      {"too_long", R"({\"session_id\":\"e2\",\"a\":\")" + std::string(4'096, 'a') + R"(\"})", ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const BodyWith body({{BodyId::kMetadataUserId, row.user}});
    std::string scratch;
    BodyIdTexts texts(body.request(), scratch);
    std::string_view session;
    EXPECT_EQ(texts.FindClaudeSession(session), !row.session.empty());
    EXPECT_EQ(session, row.session);
  }
}

TEST(IdText, TextsStayWhereTheyAreInTheScratch) {
  const std::string long_text = std::string(200, 'x') + "\\n\\u00e9";
  const BodyWith body({{BodyId::kSessionId, "\\u0061" + long_text},
                       {BodyId::kMetadataSessionId, "\\u0062" + long_text},
                       {BodyId::kMetadataUserId, R"({\"session_id\":\"\\u0063\"})"},
                       {BodyId::kPromptCacheKey, "\\u0064"},
                       {BodyId::kConversation, " plain "}});
  std::string scratch = "left behind";
  BodyIdTexts texts(body.request(), scratch);
  const std::string_view a = texts.TextOf(BodyId::kSessionId);
  const std::string_view b = texts.TextOf(BodyId::kMetadataSessionId);
  std::string_view c;
  EXPECT_TRUE(texts.FindClaudeSession(c));
  const std::string_view d = texts.TextOf(BodyId::kPromptCacheKey);
  EXPECT_EQ(a, "a" + std::string(200, 'x') + "\n\u00e9");
  EXPECT_EQ(b, "b" + std::string(200, 'x') + "\n\u00e9");
  EXPECT_EQ(c, "c");
  EXPECT_EQ(d, "d");
  EXPECT_EQ(texts.TextOf(BodyId::kConversation), "plain");
  EXPECT_EQ(texts.TextOf(BodyId::kMetadataConversationId), "");
}

TEST(IdText, AnIdMayBeWrittenInTheLongestWay) {
  std::string longest;
  for (size_t i = 0; i < kIdBytesMax; ++i) {
    longest += "\\u0061";
  }
  const BodyWith body({{BodyId::kSessionId, longest}, {BodyId::kPromptCacheKey, longest + "a"}});
  std::string scratch;
  BodyIdTexts texts(body.request(), scratch);
  EXPECT_TRUE(IsUsableId(texts.TextOf(BodyId::kSessionId)));
  EXPECT_FALSE(IsUsableId(texts.TextOf(BodyId::kPromptCacheKey)));
}

}  // namespace
}  // namespace mainstay::identity
