#include "session/conversation_record.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "session/record_fields.h"

namespace mainstay::session {
namespace {

constexpr SessionKey kKey = {.digest = {.low = 0x11, .high = 0x22}};

Hash128 HashOf(uint64_t number) {
  return {.low = number, .high = ~number};
}

Conversation Full(Names& names) {
  Conversation one;
  one.key = kKey;
  one.session = {.digest = {.low = 0x3333, .high = 0x4444}};
  one.caller = names.Intern("team");
  one.source = names.Intern("header:x-session-id");
  one.model = names.Intern("openai/gpt-4o");
  one.created_ms = 1'795'248'000'123;
  one.last_used_ms = 1'795'248'060'456;
  one.system = 0x5555;
  one.client = 0x6666;
  one.prompt_tokens = 1'000;
  one.completion_tokens = 200;
  one.cost_nano = 12'345'678;
  one.turns = 3;
  one.branches = 2;
  one.has_tools = true;
  one.vtc = true;
  one.nodes = {
      {.hash = HashOf(1), .messages = 2, .has_child = 1},
      {.hash = HashOf(2), .messages = 4, .parent = 0},
      {.hash = HashOf(3), .messages = 4, .parent = 0, .branch = 1},
  };
  one.asked = {{.hash = HashOf(4),
                .at_ms = 1'795'248'060'456,
                .idempotency = 0x7777,
                .parent = 0,
                .result = 2}};
  one.runs = {{.hash = HashOf(5), .node = 2, .branch = 1}};
  return one;
}

// Format 1 is on the disks of users: these bytes never change. docs/formats/conversation_record.md
// shows them.
std::string FullBytes() {
  using namespace std::string_literals;
  return "\x01\x0b"
         "\x7b\x8c\x1e\xfd\xa1\x01\x00\x00"
         "\x28\x78\x1f\xfd\xa1\x01\x00\x00"
         "\x55\x55\x00\x00\x00\x00\x00\x00"
         "\x66\x66\x00\x00\x00\x00\x00\x00"
         "\xe8\x03\x00\x00\x00\x00\x00\x00"
         "\xc8\x00\x00\x00\x00\x00\x00\x00"
         "\x4e\x61\xbc\x00\x00\x00\x00\x00"
         "\x03\x00\x00\x00"
         "\x02\x00"
         "\x04\x00team"
         "\x13\x00header:x-session-id"
         "\x0d\x00openai/gpt-4o"
         "\x33\x33\x00\x00\x00\x00\x00\x00\x44\x44\x00\x00\x00\x00\x00\x00"
         "\x03\x00"
         "\x01\x00\x00\x00\x00\x00\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff"
         "\x02\x00\x00\x00\xff\xff\x00\x00"
         "\x02\x00\x00\x00\x00\x00\x00\x00\xfd\xff\xff\xff\xff\xff\xff\xff"
         "\x04\x00\x00\x00\x00\x00\x00\x00"
         "\x03\x00\x00\x00\x00\x00\x00\x00\xfc\xff\xff\xff\xff\xff\xff\xff"
         "\x04\x00\x00\x00\x00\x00\x01\x00"
         "\x01"
         "\x04\x00\x00\x00\x00\x00\x00\x00\xfb\xff\xff\xff\xff\xff\xff\xff"
         "\x28\x78\x1f\xfd\xa1\x01\x00\x00\x77\x77\x00\x00\x00\x00\x00\x00"
         "\x00\x00\x02\x00"
         "\x01"
         "\x05\x00\x00\x00\x00\x00\x00\x00\xfa\xff\xff\xff\xff\xff\xff\xff"
         "\x02\x00"s;
}

std::string LeastBytes() {
  return '\x01' + std::string(1 + 7 * 8 + 4, '\0') + "\x01" + std::string(1 + 3 * 2 + 2 + 2, '\0');
}

void ExpectEqual(const Conversation& read, const Conversation& written) {
  EXPECT_EQ(read.session, written.session);
  EXPECT_EQ(read.caller, written.caller);
  EXPECT_EQ(read.source, written.source);
  EXPECT_EQ(read.model, written.model);
  EXPECT_EQ(read.created_ms, written.created_ms);
  EXPECT_EQ(read.last_used_ms, written.last_used_ms);
  EXPECT_EQ(read.system, written.system);
  EXPECT_EQ(read.client, written.client);
  EXPECT_EQ(read.prompt_tokens, written.prompt_tokens);
  EXPECT_EQ(read.completion_tokens, written.completion_tokens);
  EXPECT_EQ(read.cost_nano, written.cost_nano);
  EXPECT_EQ(read.turns, written.turns);
  EXPECT_EQ(read.branches, written.branches);
  EXPECT_EQ(read.has_tools, written.has_tools);
  EXPECT_EQ(read.vtc, written.vtc);
  EXPECT_EQ(read.auxiliary, written.auxiliary);
  ASSERT_EQ(read.nodes.size(), written.nodes.size());
  for (size_t i = 0; i < read.nodes.size(); ++i) {
    EXPECT_EQ(read.nodes[i].hash, written.nodes[i].hash);
    EXPECT_EQ(read.nodes[i].messages, written.nodes[i].messages);
    EXPECT_EQ(read.nodes[i].has_child, written.nodes[i].has_child);
    EXPECT_EQ(read.nodes[i].parent, written.nodes[i].parent);
    EXPECT_EQ(read.nodes[i].branch, written.nodes[i].branch);
  }
  ASSERT_EQ(read.asked.size(), written.asked.size());
  for (size_t i = 0; i < read.asked.size(); ++i) {
    EXPECT_EQ(read.asked[i].hash, written.asked[i].hash);
    EXPECT_EQ(read.asked[i].at_ms, written.asked[i].at_ms);
    EXPECT_EQ(read.asked[i].idempotency, written.asked[i].idempotency);
    EXPECT_EQ(read.asked[i].parent, written.asked[i].parent);
    EXPECT_EQ(read.asked[i].result, written.asked[i].result);
    EXPECT_FALSE(read.asked[i].failed);
  }
  ASSERT_EQ(read.runs.size(), written.runs.size());
  for (size_t i = 0; i < read.runs.size(); ++i) {
    EXPECT_EQ(read.runs[i].hash, written.runs[i].hash);
    EXPECT_EQ(read.runs[i].node, written.runs[i].node);
    EXPECT_EQ(read.runs[i].branch, written.runs[i].branch);
  }
}

Conversation Empty() {
  Conversation one;
  one.key = kKey;
  return one;
}

std::string Encoded(const Conversation& conversation) {
  std::string bytes;
  EncodeConversation(conversation, bytes);
  return bytes;
}

bool Decodes(std::string_view bytes) {
  Names names;
  RecentNames recent(names);
  Conversation read = Empty();
  return DecodeConversation(bytes, recent, read);
}

TEST(ConversationRecordTest, FormatIsFixed) {
  Names names;
  RecentNames recent(names);
  Conversation least = Empty();
  least.session = kKey;
  const struct {
    const char* name;
    Conversation conversation;
    std::string bytes;
  } samples[] = {{"full", Full(names), FullBytes()}, {"least", least, LeastBytes()}};
  for (const auto& sample : samples) {
    SCOPED_TRACE(sample.name);
    EXPECT_EQ(Encoded(sample.conversation), sample.bytes);
    Conversation read = Empty();
    ASSERT_TRUE(DecodeConversation(sample.bytes, recent, read));
    EXPECT_EQ(read.key, kKey) << "it is the record's key";
    ExpectEqual(read, sample.conversation);
  }
}

TEST(ConversationRecordTest, EachFlagIsItsOwn) {
  Names names;
  RecentNames recent(names);
  const std::pair<const char*, bool Conversation::*> flags[] = {
      {"tools", &Conversation::has_tools},
      {"vtc", &Conversation::vtc},
      {"auxiliary", &Conversation::auxiliary},
  };
  for (const auto& [name, flag] : flags) {
    Conversation one = Empty();
    one.session = kKey;
    one.*flag = true;
    Conversation read = Empty();
    ASSERT_TRUE(DecodeConversation(Encoded(one), recent, read)) << name;
    ExpectEqual(read, one);
  }
}

TEST(ConversationRecordTest, WhatFailedIsLeftOut) {
  Names names;
  Conversation one = Full(names);
  const Asked failed = {.hash = HashOf(8), .at_ms = 5, .failed = true};
  one.asked.insert(one.asked.begin(), failed);
  one.asked.push_back(failed);
  EXPECT_EQ(Encoded(one), FullBytes());
}

TEST(ConversationRecordTest, AsMuchAsAConversationHolds) {
  Names names;
  RecentNames recent(names);
  Conversation one = Full(names);
  one.nodes.resize(Conversation::kNodesMax);
  one.nodes[1].parent = Conversation::kNodesMax - 1;
  EXPECT_FALSE(Decodes(Encoded(one))) << "a parent behind its child";
  for (size_t i = 1; i < one.nodes.size(); ++i) {
    one.nodes[i] = {.hash = HashOf(static_cast<uint16_t>(i)),
                    .messages = INT32_MAX,
                    .parent = static_cast<uint16_t>(i - 1)};
    one.nodes[i - 1].has_child = true;
  }
  one.asked.resize(Conversation::kAskedMax);
  one.runs.assign(Conversation::kRunsMax, one.runs[0]);
  for (session::Run& run : one.runs) {
    run.branch = one.nodes[run.node].branch;
  }
  Conversation read = Empty();
  ASSERT_TRUE(DecodeConversation(Encoded(one), recent, read));
  ExpectEqual(read, one);
}

TEST(ConversationRecordTest, BytesOfAnotherFormOrLengthAreRefused) {
  const std::string good = FullBytes();
  ASSERT_TRUE(Decodes(good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Decodes(std::string_view(good).substr(0, size))) << size;
  }
  EXPECT_FALSE(Decodes(good + "x"));
  for (const char format : {'\x00', '\x02', '\xff'}) {
    EXPECT_FALSE(Decodes(format + good.substr(1))) << int{format};
  }
  for (const char flags : {'\x10', '\x80', '\x1b'}) {
    EXPECT_FALSE(Decodes(good.substr(0, 1) + flags + good.substr(2))) << int{flags};
  }
}

TEST(ConversationRecordTest, ValuesOutOfRangeAreRefused) {
  constexpr int64_t kTooMuch = kRecordTimeMax.count() + 1;
  const struct {
    const char* name;
    void (*change)(Conversation&);
  } rows[] = {
      {"created_before_1970", [](Conversation& one) { one.created_ms = -1; }},
      {"created_after_9999", [](Conversation& one) { one.created_ms = kTooMuch; }},
      {"used_before_1970", [](Conversation& one) { one.last_used_ms = -1; }},
      {"used_after_9999", [](Conversation& one) { one.last_used_ms = kTooMuch; }},
      {"asked_before_1970", [](Conversation& one) { one.asked[0].at_ms = -1; }},
      {"asked_after_9999", [](Conversation& one) { one.asked[0].at_ms = kTooMuch; }},
      {"no_branch", [](Conversation& one) { one.branches = 0; }},
      {"a_branch_that_never_was", [](Conversation& one) { one.nodes[2].branch = 2; }},
      {"its_own_parent", [](Conversation& one) { one.nodes[1].parent = 1; }},
      {"a_parent_behind_it", [](Conversation& one) { one.nodes[1].parent = 2; }},
      {"a_parent_that_is_not_there", [](Conversation& one) { one.nodes[1].parent = 3; }},
      {"asked_behind_no_node", [](Conversation& one) { one.asked[0].parent = 3; }},
      {"asked_with_no_node", [](Conversation& one) { one.asked[0].result = 3; }},
      {"a_run_of_no_node", [](Conversation& one) { one.runs[0].node = 3; }},
      {"a_run_of_none", [](Conversation& one) { one.runs[0].node = Node::kNone; }},
      {"too_many_nodes", [](Conversation& one) { one.nodes.resize(Conversation::kNodesMax + 1); }},
      {"too_many_asked", [](Conversation& one) { one.asked.resize(Conversation::kAskedMax + 1); }},
      {"too_many_runs", [](Conversation& one) { one.runs.resize(Conversation::kRunsMax + 1); }},
  };
  for (const auto& row : rows) {
    Names names;
    Conversation one = Full(names);
    row.change(one);
    EXPECT_FALSE(Decodes(Encoded(one))) << row.name;
  }
  std::string many_messages = FullBytes();
  const size_t at = many_messages.find("\x02\x00\x00\x00\xff\xff", 0, 6);
  many_messages[at + 3] = '\x80';
  EXPECT_FALSE(Decodes(many_messages));
}

TEST(ConversationRecordTest, ATextTooLongForItsLengthIsCut) {
  Names names;
  RecentNames recent(names);
  Conversation one = Full(names);
  one.model = names.Intern(std::string(70'000, 'x'));
  Conversation read = Empty();
  ASSERT_TRUE(DecodeConversation(Encoded(one), recent, read));
  EXPECT_EQ(read.model->size(), 65'535U);
  EXPECT_EQ(*read.caller, "team");
}

}  // namespace
}  // namespace mainstay::session
