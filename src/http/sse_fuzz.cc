// However a stream is split over reads, its events are the same, and what is handed out is the
// stream, byte by byte. The first two bytes of the input choose the limit and seed the splits.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "http/sse.h"

namespace mainstay::http {
namespace {

using Step = EventScanner::Step;

struct Seen {
  Step step;
  std::string raw, data, name, id;
  bool has_data, is_comment_only;
  bool operator==(const Seen&) const = default;
};

class Stream final {
 public:
  explicit Stream(size_t limit) : limit_(limit), scanner_(limit) {}

  void Feed(std::string_view piece) {
    // Exactly as large as the piece, and gone afterwards, so that the address sanitizer sees reads
    // before, behind and after.
    const auto copy = std::make_unique<char[]>(piece.size());
    piece.copy(copy.get(), piece.size());
    scanner_.Feed({copy.get(), piece.size()});
    StreamEvent event;
    for (Step step; (step = scanner_.Next(event)) != Step::kMore;) {
      Note(step, event);
    }
    if (scanner_.held_bytes() > limit_) {
      std::abort();
    }
  }
  std::vector<Seen> Finish(std::string_view text) {
    StreamEvent event;
    for (Step step; (step = scanner_.Finish(event)) != Step::kMore;) {
      Note(step, event);
    }
    if (all_ != text) {
      std::abort();
    }
    return seen_;
  }

 private:
  void Note(Step step, const StreamEvent& event) {
    if (event.offset != all_.size() || event.raw.empty() ||
        (step == Step::kEvent && event.raw.size() > limit_)) {
      std::abort();
    }
    all_ += event.raw;
    if (step == Step::kTooLong && !seen_.empty() && seen_.back().step == step) {
      seen_.back().raw += event.raw;
      return;
    }
    seen_.push_back({step, std::string(event.raw), std::string(event.data), std::string(event.name),
                     std::string(event.id), event.has_data, event.is_comment_only});
  }

  const size_t limit_;
  EventScanner scanner_;
  std::string all_;
  std::vector<Seen> seen_;
};

std::vector<Seen> Scan(std::string_view text, size_t limit, uint32_t seed) {
  Stream stream(limit);
  for (size_t at = 0; at < text.size();) {
    seed = seed * 1'664'525 + (seed != 0 ? 1'013'904'223 : 0);
    const size_t take = seed == 0 ? text.size() : (seed >> 24) % 24;  // sometimes nothing
    stream.Feed(text.substr(at, take));
    at += std::min(take, text.size() - at);
  }
  return stream.Finish(text);
}

}  // namespace
}  // namespace mainstay::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) {
    return 0;
  }
  const size_t limit = size_t{4} * data[0] + 8;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (!(mainstay::http::Scan(text, limit, data[1] + 1u) == mainstay::http::Scan(text, limit, 0))) {
    std::abort();
  }
  return 0;
}
