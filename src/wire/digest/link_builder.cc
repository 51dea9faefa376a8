#include "wire/digest/link_builder.h"

#include <algorithm>
#include <limits>

namespace mainstay::wire {
namespace {

constexpr uint64_t kMediaBytes = 64;  // what a picture counts in text_bytes

DigestPart PartOf(LinkRole role) {
  switch (role) {
    case LinkRole::kUser:
      return DigestPart::kUser;
    case LinkRole::kAssistant:
      return DigestPart::kAssistant;
    case LinkRole::kTool:
      return DigestPart::kToolResult;
  }
  return DigestPart::kUser;
}

// The data itself, so that a protocol which sends it without the URL around it says the same.
std::string_view WithoutDataUrl(std::string_view raw) {
  constexpr std::string_view kBase64 = ";base64,";
  constexpr size_t kHeadBytesMax = 256;
  if (!raw.starts_with("data:")) {
    return raw;
  }
  const size_t at = raw.substr(0, kHeadBytesMax).find(kBase64);
  return at == std::string_view::npos ? raw : raw.substr(at + kBase64.size());
}

}  // namespace

void LinkBuilder::Start(const HistoryRules& rules, LinkRole role, TextKind kind) {
  rules_ = &rules;
  role_ = role;
  text_.Start(rules, kind, rules.Seed(PartOf(role)));
  media_ = {};
  calls_ = {};
  media_count_ = 0;
  call_count_ = 0;
  call_bytes_ = 0;
}

void LinkBuilder::AddMedia(std::string_view raw) {
  ++media_count_;
  media_ = Chained(media_,
                   HashOfString(WithoutDataUrl(raw), rules_->Seed(DigestPart::kMedia), scratch_));
}

void LinkBuilder::AddCall(std::string_view name_raw, const ArgumentsDigester::Digest& arguments) {
  ++call_count_;
  call_bytes_ += arguments.bytes;
  const Hash128 name = HashOfString(name_raw, rules_->Seed(DigestPart::kCallName), scratch_);
  calls_ = Chained(calls_, Chained(name, arguments.hash));
}

Link LinkBuilder::Finish() const {
  Link link{.role = role_};
  if (empty()) {
    return link;
  }
  link.digest = text_.Hash();
  if (media_count_ > 0) {
    link.digest =
        Chained(link.digest,
                Chained(media_, {.low = media_count_, .high = rules_->Seed(DigestPart::kMedia)}));
  }
  if (call_count_ > 0) {
    link.digest =
        Chained(link.digest,
                Chained(calls_, {.low = call_count_, .high = rules_->Seed(DigestPart::kCallName)}));
  }
  const uint64_t bytes = text_.bytes() + call_bytes_ + kMediaBytes * media_count_;
  link.text_bytes =
      static_cast<uint32_t>(std::min<uint64_t>(bytes, std::numeric_limits<uint32_t>::max()));
  return link;
}

}  // namespace mainstay::wire
