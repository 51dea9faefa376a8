#include "fake_provider/embedding.h"

#include <bit>
#include <cmath>

#include "base/json_writer.h"
#include "base/random.h"
#include "fake_provider/hash.h"

namespace mainstay::fake_provider {
namespace {

std::vector<float> VectorOf(std::string_view text, size_t dimensions) {
  Random numbers(Hash(text, 0));
  std::vector<float> values(dimensions);
  double length2 = 0;
  for (float& value : values) {
    value = static_cast<float>(static_cast<double>(numbers.Below(2'000'001)) / 1e6 - 1.0);
    length2 += static_cast<double>(value) * static_cast<double>(value);
  }
  const double length = length2 > 0 ? std::sqrt(length2) : 1.0;
  for (float& value : values) {
    value = static_cast<float>(static_cast<double>(value) / length);
  }
  return values;
}

void AppendBase64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) {
      out += i <= group.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
}

std::string Base64Of(const std::vector<float>& values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(float));
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>(bits >> (8 * i) & 0xFF);
    }
  }
  std::string out;
  AppendBase64(out, bytes);
  return out;
}

void AppendUsage(json::Writer& writer, const Incoming& request, const Action& action) {
  if (!action.usage) {
    writer.Key("usage").BeginObject();
    writer.Key("prompt_tokens").Int(request.prompt.tokens);
    writer.Key("total_tokens").Int(request.prompt.tokens).EndObject();
  } else if (!action.usage->empty()) {
    writer.Key("usage").Raw(*action.usage);
  }
}

}  // namespace

Answer MakeEmbeddings(const Incoming& request, const Action& action, const AnswerFacts& facts) {
  const auto dimensions =
      static_cast<size_t>(request.dimensions > 0 ? request.dimensions : facts.embedding_dimensions);
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject().Key("object").String("list").Key("data").BeginArray();
  int64_t index = 0;
  for (const std::string& input : request.inputs) {
    const std::vector<float> values = VectorOf(input, dimensions);
    writer.BeginObject().Key("object").String("embedding").Key("index").Int(index++);
    writer.Key("embedding");
    if (request.base64) {
      writer.String(Base64Of(values));
    } else {
      writer.BeginArray();
      for (const float value : values) {
        writer.Double(static_cast<double>(value));
      }
      writer.EndArray();
    }
    writer.EndObject();
  }
  writer.EndArray().Key("model").String(request.model);
  AppendUsage(writer, request, action);
  writer.EndObject();
  return answer;
}

}  // namespace mainstay::fake_provider
