// Question: what does it cost to read a whole chat body and look at each of its values, and how
// does that compare with simdjson's on-demand reader doing the same?
// Budget: 4 KB within 3,500 user instructions (callgrind), and at every size less time than
// simdjson when both check escapes. Compare within one run; between runs the machine differs.
#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/random.h"

namespace mainstay::json {
namespace {

constexpr std::string_view kProse[] = {
    "The build fails on the second machine only, and I cannot see why. ",
    "Please look at the function below and tell me what happens when the list is empty. ",
    "I think the cache is read before it is filled; a lock would hide that but not cure it. ",
    "Yes, that works. Could you also add a test for the case of two writers? ",
    "Keep the answer short, and do not change the names of the public methods. ",
};
constexpr std::string_view kProseBeyondAscii[] = {
    "Müller said: “the naïve version is fine” – so we kept it. ",
    "请把这段代码改成异步的,并解释一下原因。",
    "Спасибо, теперь всё работает как надо. ",
};
constexpr std::string_view kCode[] = {
    "def load(path):\n    with open(path, \"r\") as f:\n        return json.load(f)\n\n",
    "for (const auto& row : rows) {\n\tif (row.id == wanted) {\n\t\treturn row;\n\t}\n}\n",
    "    result = await client.post(url, json=payload, timeout=30)\n",
    "    logger.info(\"request took %d ms, status %s\", elapsed, status)\n",
};

enum class Language { kEnglish, kMixed };

// A chat body of about `bytes`, the same in every run: turns of a few sentences, one in three with
// code in it.
std::string ChatBody(size_t bytes, Language language) {
  Random random(7);
  std::string body;
  Writer writer(body);
  writer.BeginObject().Key("model").String("mainstay/auto").Key("temperature").Double(0.2);
  writer.Key("max_tokens").Int(1024).Key("stream").Bool(true);
  writer.Key("user").String("user-5f3c9a7e").Key("messages").BeginArray();
  writer.BeginObject().Key("role").String("system").Key("content");
  writer.String("You are a careful assistant for programmers.").EndObject();
  for (int turn = 0; body.size() + 16 < bytes; ++turn) {
    std::string content;
    const size_t content_bytes = 150 + random.Below(900);
    while (content.size() < content_bytes && body.size() + content.size() + 64 < bytes) {
      if (turn % 3 == 2) {
        content += kCode[random.Below(std::size(kCode))];
      } else if (language == Language::kMixed && random.Below(4) == 0) {
        content += kProseBeyondAscii[random.Below(std::size(kProseBeyondAscii))];
      } else {
        content += kProse[random.Below(std::size(kProse))];
      }
    }
    writer.BeginObject().Key("role").String(turn % 2 == 0 ? "user" : "assistant");
    writer.Key("content").String(content).EndObject();
  }
  writer.EndArray().EndObject();
  return body;
}

// Both walks return the number of values and of bytes in strings, so that neither can leave
// anything out.
struct Sum {
  int64_t values = 0;
  int64_t string_bytes = 0;
  bool operator==(const Sum&) const = default;
};

// NOLINTNEXTLINE(misc-no-recursion): the bodies are made here and are flat.
void Walk(Reader& reader, Sum& sum) {
  StringToken token;
  std::string_view number;
  ++sum.values;
  switch (reader.Peek()) {
    case Type::kObject:
      reader.EnterObject();
      while (reader.NextMember(token)) {
        Walk(reader, sum);
      }
      return;
    case Type::kArray:
      reader.EnterArray();
      while (reader.NextElement()) {
        Walk(reader, sum);
      }
      return;
    case Type::kString:
      reader.ReadString(token);
      sum.string_bytes += static_cast<int64_t>(token.raw.size());
      return;
    case Type::kNumber:
      reader.ReadNumber(number);
      return;
    default:
      reader.SkipValue();
      return;
  }
}

Sum WalkAll(std::string_view text) {
  Reader reader(text);
  Sum sum;
  Walk(reader, sum);
  MS_CHECK(reader.Finish());
  return sum;
}

// Only passes everything: what a caller pays for the parts that it does not want to see.
void SkipAll(std::string_view text) {
  Reader reader(text);
  reader.SkipValue();
  MS_CHECK(reader.Finish());
}

namespace od = simdjson::ondemand;

// kRaw leaves strings as they are written and does not look at their escapes. kChecked unescapes
// them, which is simdjson's only way of checking escapes: what our reader checks all the time.
enum class Strings { kRaw, kChecked };

// NOLINTNEXTLINE(misc-no-recursion): as above.
template <Strings kStrings>
void Walk(od::value value, Sum& sum) {
  ++sum.values;
  switch (value.type()) {
    case od::json_type::object:
      for (od::field field : value.get_object()) {
        Walk<kStrings>(field.value(), sum);
      }
      return;
    case od::json_type::array:
      for (od::value element : value.get_array()) {
        Walk<kStrings>(element, sum);
      }
      return;
    case od::json_type::string:
      sum.string_bytes += static_cast<int64_t>(value.raw_json_token().size());
      if (kStrings == Strings::kRaw) {
        benchmark::DoNotOptimize(value.get_raw_json_string().value().raw());
      } else {
        benchmark::DoNotOptimize(value.get_string().value().data());
      }
      return;
    case od::json_type::number:
      benchmark::DoNotOptimize(value.get_double().value());
      return;
    case od::json_type::boolean:
      benchmark::DoNotOptimize(value.get_bool().value());
      return;
    case od::json_type::null:
      benchmark::DoNotOptimize(value.is_null());
      return;
  }
}

template <Strings kStrings>
Sum WalkAll(od::parser& parser, const std::string& text) {
  od::document document =
      parser.iterate(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
  Sum sum;
  Walk<kStrings>(od::value(document), sum);
  return sum;
}

// The body with the padding that both readers want, which is not part of its size.
std::string Padded(std::string text) {
  text.reserve(text.size() + kPadding);
  return text;
}

void Report(benchmark::State& state, size_t bytes) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

Language LanguageOf(const benchmark::State& state) {
  return state.range(1) == 0 ? Language::kEnglish : Language::kMixed;
}

void BM_JsonReadEachValue(benchmark::State& state) {
  const std::string body = Padded(ChatBody(static_cast<size_t>(state.range(0)), LanguageOf(state)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(WalkAll(body));
  }
  Report(state, body.size());
}

void BM_JsonSkipAll(benchmark::State& state) {
  const std::string body = Padded(ChatBody(static_cast<size_t>(state.range(0)), LanguageOf(state)));
  for (auto _ : state) {
    SkipAll(body);
  }
  Report(state, body.size());
}

template <Strings kStrings>
void BM_SimdjsonReadEachValue(benchmark::State& state) {
  const std::string body = Padded(ChatBody(static_cast<size_t>(state.range(0)), LanguageOf(state)));
  od::parser parser;
  MS_CHECK(WalkAll<kStrings>(parser, body).values == WalkAll(body).values);
  for (auto _ : state) {
    benchmark::DoNotOptimize(WalkAll<kStrings>(parser, body));
  }
  Report(state, body.size());
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"bytes", "mixed"})->ArgsProduct({{4 << 10, 64 << 10, 1 << 20}, {0, 1}});
}
BENCHMARK(BM_JsonReadEachValue)->Apply(Sizes);
BENCHMARK(BM_JsonSkipAll)->Apply(Sizes);
BENCHMARK(BM_SimdjsonReadEachValue<Strings::kRaw>)->Apply(Sizes);
BENCHMARK(BM_SimdjsonReadEachValue<Strings::kChecked>)->Apply(Sizes);

}  // namespace
}  // namespace mainstay::json
