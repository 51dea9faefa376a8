// Question: what does decoding a chat request cost as its history grows?
// Budget: 4 KB in eight messages within 7,000 user instructions (callgrind); larger bodies in
// proportion. json::Reader takes 5,600 of them when it passes the same body without looking at it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/random.h"
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
  MS_CHECK(DecodeRequest(Operation::kChat, body, scratch, request).has_value());
  MS_CHECK(request.model == "openai/gpt-4o" && request.facts.messages > 2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(DecodeRequest(Operation::kChat, body, scratch, request));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}
BENCHMARK(BM_DecodeChatRequest)->ArgName("KiB")->Arg(4)->Arg(64)->Arg(1024);

}  // namespace
}  // namespace mainstay::wire::openai_chat
