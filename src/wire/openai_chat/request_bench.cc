// Question: what does decoding a chat request cost as its history grows, and what do the digests
// of its messages add?
// Budget: 4 KB in eight messages within 7,000 user instructions (callgrind); larger bodies in
// proportion. json::Reader takes 5,600 of them when it passes the same body without looking at it.
// The digests of 20 messages with 20 KB add 30 us at most; 200 messages with 800 KB take 1 ms with
// everything (release preset).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "model/history.h"
#include "wire/digest/history_builder.h"
#include "wire/openai_chat/request.h"

namespace mainstay::wire::openai_chat {
namespace {

constexpr std::string_view kSentences[] = {
    "The build fails on the second machine only, and I cannot see why. ",
    "Please look at the function below and tell me what happens when the list is empty. ",
    "I think the cache is read before it is filled; a lock would hide that but not cure it. ",
    "Yes, that works. Could you also add a test for the case of two writers?\n\n",
    "    logger.info(\"request took %d ms, status %s\", elapsed, status)\n",
};

// A chat body of about `bytes`, the same in every run, as an agent writes it: settings first, then
// turns of a few sentences.
std::string ChatBody(size_t bytes) {
  Random random(11);
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("model").String("openai/gpt-4o").Key("temperature").Double(0.2);
  writer.Key("max_tokens").Int(1024).Key("stream").Bool(true);
  writer.Key("stream_options").BeginObject().Key("include_usage").Bool(true).EndObject();
  writer.Key("messages").BeginArray();
  writer.BeginObject().Key("role").String("system").Key("content");
  writer.String("You are a careful assistant for programmers.").EndObject();
  for (int turn = 0; body.size() + 128 < bytes; ++turn) {
    std::string content;
    const size_t content_bytes = 150 + random.Below(900);
    while (content.size() < content_bytes && body.size() + content.size() + 128 < bytes) {
      content += kSentences[random.Below(std::size(kSentences))];
    }
    writer.BeginObject().Key("role").String(turn % 2 == 0 ? "user" : "assistant");
    writer.Key("content").String(content).EndObject();
  }
  writer.EndArray().EndObject();
  return body;
}

void BM_DecodeChatRequest(benchmark::State& state) {
  std::string padded = ChatBody(static_cast<size_t>(state.range(0)) << 10);
  const size_t bytes = padded.size();
  padded.append(json::kPadding, '\0');
  const std::string_view body = std::string_view(padded).substr(0, bytes);
  std::string scratch;
  Request request;
  MS_CHECK(DecodeRequest(Operation::kChat, body, scratch, nullptr, request).has_value());
  MS_CHECK(request.model == "openai/gpt-4o" && request.facts.messages > 2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(DecodeRequest(Operation::kChat, body, scratch, nullptr, request));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}
BENCHMARK(BM_DecodeChatRequest)->ArgName("KiB")->Arg(4)->Arg(64)->Arg(1024);

constexpr std::string_view kCodeLines[] = {
    "    for (const auto& row : rows) {\n",
    "        if (row.name == \"first\" && !row.values.empty()) {\n",
    "            out << row.values.front() << '\\n';\n",
    "        }\n    }\n\n",
    "    return std::accumulate(values.begin(), values.end(), 0);\n}\n",
};

enum class Content : int64_t { kProse, kCode, kCalls };

// So many messages with so many bytes in all.
std::string BodyOf(int64_t messages, int64_t bytes, Content content) {
  Random random(11);
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("model").String("openai/gpt-4o").Key("messages").BeginArray();
  for (int64_t i = 0; i < messages; ++i) {
    std::string text;
    while (static_cast<int64_t>(text.size()) < bytes / messages) {
      text += content == Content::kProse ? kSentences[random.Below(std::size(kSentences))]
                                         : kCodeLines[random.Below(std::size(kCodeLines))];
    }
    writer.BeginObject().Key("role").String(i % 2 == 0 ? "user" : "assistant");
    if (content != Content::kCalls || i % 2 == 0) {
      writer.Key("content").String(text).EndObject();
      continue;
    }
    std::string arguments;
    json::Writer(arguments)
        .BeginObject()
        .Key("path")
        .String("a")
        .Key("text")
        .String(text)
        .EndObject();
    writer.Key("tool_calls").BeginArray().BeginObject().Key("id").String("call_1");
    writer.Key("function")
        .BeginObject()
        .Key("name")
        .String("write")
        .Key("arguments")
        .String(arguments)
        .EndObject()
        .EndObject()
        .EndArray()
        .EndObject();
  }
  writer.EndArray().EndObject();
  return body;
}

void DecodeWith(benchmark::State& state, HistoryBuilder* builder) {
  std::string padded =
      BodyOf(state.range(0), state.range(1) * 1000, static_cast<Content>(state.range(2)));
  const size_t bytes = padded.size();
  padded.append(json::kPadding, '\0');
  const std::string_view body = std::string_view(padded).substr(0, bytes);
  const HistoryRules rules({}, HashKey::FromSystem());
  History history;
  std::string scratch;
  Request request;
  for (auto _ : state) {
    if (builder != nullptr) {
      builder->Start(rules, history);
    }
    benchmark::DoNotOptimize(DecodeRequest(Operation::kChat, body, scratch, builder, request));
    benchmark::ClobberMemory();
  }
  MS_CHECK(builder == nullptr || history.links.size() == static_cast<size_t>(state.range(0)));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void BM_DecodeWithoutHistory(benchmark::State& state) {
  DecodeWith(state, nullptr);
}
void BM_DecodeWithHistory(benchmark::State& state) {
  HistoryBuilder builder;
  DecodeWith(state, &builder);
}
void Histories(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"messages", "kB", "content"});
  for (const Content content : {Content::kProse, Content::kCode, Content::kCalls}) {
    bench->Args({20, 20, static_cast<int64_t>(content)});
    bench->Args({200, 800, static_cast<int64_t>(content)});
  }
}
BENCHMARK(BM_DecodeWithoutHistory)->Apply(Histories);
BENCHMARK(BM_DecodeWithHistory)->Apply(Histories);

}  // namespace
}  // namespace mainstay::wire::openai_chat
