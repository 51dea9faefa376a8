// However an answer is split over reads, the same bytes go on and the same usage is found. Nothing
// of an answer is lost but the event with the usage, and what is found in JSON is what nlohmann
// finds.
//
// The first byte of the input seeds the splits, the second chooses the limit for events.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/testing.h"

namespace mainstay::wire::openai_chat {
namespace {

using Json = nlohmann::json;

void Check(bool condition) {
  if (!condition) {
    std::abort();
  }
}

// Calls feed with pieces of up to 24 bytes, or with all of the text when the seed is 0. Each piece
// is in memory of its own and gone afterwards.
template <typename Feed>
void InPieces(std::string_view text, uint32_t seed, Feed feed) {
  for (size_t at = 0; at < text.size();) {
    seed = seed * 1'664'525 + (seed != 0 ? 1'013'904'223 : 0);
    const size_t take = std::min(seed == 0 ? text.size() : (seed >> 24) % 24, text.size() - at);
    const PaddedText piece(text.substr(at, take));
    feed(piece.view());
    at += take;
  }
}

Usage OfWhole(std::string_view text, uint32_t seed) {
  WholeReplyScanner scanner;
  InPieces(text, seed, [&](std::string_view piece) { scanner.Feed(piece); });
  return scanner.usage();
}

std::optional<int64_t> CountIn(const Json& usage, const char* name) {
  const auto found = usage.find(name);
  if (found == usage.end() || !found->is_number_unsigned() ||
      found->get<uint64_t>() > 100'000'000) {
    return std::nullopt;
  }
  return found->get<int64_t>();
}

// The key is looked for as it is usually written, and the first of two counts.
bool IsPlain(std::string_view text) {
  return text.find("\\u") == std::string_view::npos &&
         text.find("\"usage\"") == text.rfind("\"usage\"");
}

void CheckWhole(std::string_view text, uint32_t seed) {
  const Usage usage = OfWhole(text, 0);
  Check(usage == OfWhole(text, seed));
  const Json document = Json::parse(text, nullptr, false);
  // nlohmann takes a NUL for the end of the text, and what stands before it for a document.
  const bool cut_short = text.find('\0') != std::string_view::npos;
  if (document.is_discarded() || cut_short || !IsPlain(text) ||
      text.size() > WholeReplyScanner::kUsageBytesMax) {
    return;
  }
  const auto found = document.is_object() ? document.find("usage") : document.end();
  if (!document.is_object() || found == document.end() || !found->is_object()) {
    Check(usage == Usage{});
    return;
  }
  if (const std::optional<int64_t> count = CountIn(*found, "completion_tokens")) {
    Check(usage.completion >= count);  // of two equal keys the larger one counts
  }
}

struct Passed {
  std::string forwarded;
  Usage usage;
  int64_t events = 0;
  bool complete = false;
  bool operator==(const Passed&) const = default;
};

Passed OfStream(std::string_view text, UsageEvent usage_event, size_t limit, uint32_t seed) {
  StreamScanner scanner(usage_event, limit);
  Passed passed;
  std::string_view forward;
  InPieces(text, seed, [&](std::string_view piece) {
    scanner.Feed(piece);
    while (scanner.Next(forward) == StreamScanner::Step::kForward) {
      Check(!forward.empty());
      passed.forwarded += forward;
    }
  });
  while (scanner.Finish(forward) == StreamScanner::Step::kForward) {
    passed.forwarded += forward;
  }
  passed.usage = scanner.usage();
  passed.events = scanner.events();
  passed.complete = scanner.complete();
  return passed;
}

void CheckStream(std::string_view text, size_t limit, uint32_t seed) {
  const Passed all = OfStream(text, UsageEvent::kForward, limit, 0);
  Check(all.forwarded == text);
  Check(all == OfStream(text, UsageEvent::kForward, limit, seed));
  const Passed hidden = OfStream(text, UsageEvent::kHide, limit, 0);
  Check(hidden == OfStream(text, UsageEvent::kHide, limit, seed));
  Check(hidden.usage == all.usage && hidden.events == all.events &&
        hidden.complete == all.complete);
  // What is left out is left out as a whole: the rest has no event any more that would be hidden,
  // and no other event is missing.
  const Passed again = OfStream(hidden.forwarded, UsageEvent::kHide, limit, 0);
  Check(again.forwarded == hidden.forwarded);
  Check(hidden.forwarded == text || text.find("usage") != std::string_view::npos);
}

}  // namespace
}  // namespace mainstay::wire::openai_chat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace chat = mainstay::wire::openai_chat;
  if (size < 2) {
    return 0;
  }
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const uint32_t seed = data[0] + 1u;
  chat::CheckWhole(text, seed);
  chat::CheckStream(text, size_t{8} * data[1] + 16, seed);
  return 0;
}
