// When the link of an answer is known; what it is made of is tested where it is made.
#include "gateway/reply_watcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_reader.h"

namespace mainstay::gateway {
namespace {

using wire::openai_chat::ReplyDigest;

const wire::HistoryRules& Rules() {
  static const wire::HistoryRules rules({}, HashKey(std::array<uint8_t, HashKey::kBytes>{}));
  return rules;
}

constexpr std::string_view kWhole =
    R"({"choices":[{"index":0,"message":{"role":"assistant","content":"Hello you."}}]})";

std::string Event(std::string_view content, std::string_view finish) {
  return R"(data: {"choices":[{"index":0,"delta":{"content":")" + std::string(content) +
         R"("},"finish_reason":)" + std::string(finish) + "}]}\n\n";
}
const std::string kStream = Event("Hello", "null") + Event(" you.", "null");
const std::string kEnd = Event("", R"("stop")");

// gzip of kWhole.
constexpr std::string_view kWholeGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x0d\xc6\xc1\x09\x80\x30\x0c\x05\xd0\x55\xe4\x9f\x8b"
    "\x78\xce\x04\xee\x50\x3c\x84\x1a\xb4\x50\x1b\x30\x11\x94\xd2\xdd\xed\xe9\xbd\x86\x74\x6a\x4e"
    "\x62\xa0\xd8\x90\xeb\x2e\x2f\x68\x09\xb8\xc4\x8c\x0f\x01\x35\xdc\x5a\x86\x60\xb3\x6c\xce\xd5"
    "\x11\x90\xb4\xba\x8c\x11\x56\x29\x45\xa7\x4f\x9f\x19\xbd\x6f\xfd\x07\x6a\xe7\xc0\x53\x4f\x00"
    "\x00\x00",
    94);

// An answer while it passes. Pieces are as large as they may be read, and not a byte more.
class Passing final {
 public:
  Passing(std::string head, std::string body, Operation operation = Operation::kChat)
      : head_(std::move(head)), body_(std::move(body)) {
    http::ResponseHead parsed;
    const size_t bytes = head_.size();
    head_.append(http::kPadding, '\n');
    EXPECT_EQ(http::ParseResponseHead(std::string_view(head_).substr(0, bytes), parsed).status,
              http::ParseStatus::kDone);
    request_.operation = operation;
    request_.facts.stream = Streaming::kYes;
    digest_.Start(Rules(), {});
    watcher_ = std::make_unique<ReplyWatcher>(parsed, request_, false, 1 << 20, &digest_);
  }

  // Feeds the body in pieces, and returns how many bytes were given out before the link was known;
  // npos when it is not.
  size_t KnownAfter(size_t step) {
    size_t given = 0;
    size_t known = std::string::npos;
    for (size_t at = 0; at < body_.size(); at += step) {
      const std::string_view piece = std::string_view(body_).substr(at, step);
      const std::unique_ptr<char[]> padded(new char[piece.size() + json::kPadding]);
      piece.copy(padded.get(), piece.size());
      std::fill_n(padded.get() + piece.size(), json::kPadding, '}');
      watcher_->Feed({padded.get(), piece.size()});
      std::string_view forward;
      while (watcher_->Next(forward) == ReplyWatcher::Step::kForward) {
        known = watcher_->link() != nullptr ? std::min(known, given) : known;
        given += forward.size();
      }
      watcher_->BeforeRead();
    }
    return known;
  }
  void Finish() {
    std::string_view forward;
    while (watcher_->Finish(forward) == ReplyWatcher::Step::kForward) {
    }
  }
  ReplyWatcher& watcher() { return *watcher_; }

 private:
  std::string head_;
  std::string body_;
  Request request_;
  ReplyDigest digest_;
  std::unique_ptr<ReplyWatcher> watcher_;
};

std::string Head(std::string_view lines) {
  return "HTTP/1.1 200 OK\r\n" + std::string(lines) + "\r\n";
}
std::string WholeHead(size_t bytes) {
  return Head("content-length: " + std::to_string(bytes) + "\r\n");
}
const std::string kStreamHead =
    Head("content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n");

Hash128 WantedDigest() {
  ReplyDigest digest;
  digest.Start(Rules(), {});
  digest.TakeBytes(kWhole);
  digest.Complete();
  return digest.link()->digest;
}

TEST(ReplyWatcher, AWholeAnswerIsKnownBeforeItsLastBytesAreGivenOut) {
  for (const size_t step : {1u, 10u, 1'000u}) {
    Passing passing(WholeHead(kWhole.size()), std::string(kWhole));
    EXPECT_LT(passing.KnownAfter(step), kWhole.size()) << step;
    EXPECT_EQ(passing.watcher().link()->digest, WantedDigest()) << step;
  }
}

TEST(ReplyWatcher, AnAnswerOfUnknownLengthIsKnownAtItsEnd) {
  Passing passing(Head("transfer-encoding: chunked\r\n"), std::string(kWhole));
  EXPECT_EQ(passing.KnownAfter(20), std::string::npos);
  passing.Finish();
  ASSERT_NE(passing.watcher().link(), nullptr);
  EXPECT_EQ(passing.watcher().link()->digest, WantedDigest());
}

TEST(ReplyWatcher, AnEncodedAnswerIsKnownBeforeItsLastBytesAreGivenOut) {
  for (const size_t step : {1u, 1'000u}) {
    Passing passing(Head("content-encoding: gzip\r\ncontent-length: " +
                         std::to_string(kWholeGzip.size()) + "\r\n"),
                    std::string(kWholeGzip));
    EXPECT_LT(passing.KnownAfter(step), kWholeGzip.size()) << step;
    EXPECT_EQ(passing.watcher().link()->digest, WantedDigest()) << step;
  }
}

TEST(ReplyWatcher, WhatCannotBeDecodedHasNoLink) {
  std::string broken(kWholeGzip);
  broken[20] = '\x7f';
  broken[30] = '\x7f';
  Passing passing(Head("content-encoding: gzip\r\ncontent-length: 94\r\n"), broken);
  EXPECT_EQ(passing.KnownAfter(1'000), std::string::npos);
  passing.Finish();
  EXPECT_EQ(passing.watcher().link(), nullptr);
}

TEST(ReplyWatcher, AStreamIsKnownBeforeTheEventThatEndsItIsGivenOut) {
  for (const size_t step : {1u, 33u, 1'000u}) {
    Passing passing(kStreamHead, kStream + kEnd + "data: [DONE]\n\n");
    EXPECT_EQ(passing.KnownAfter(step), kStream.size()) << step;
    EXPECT_EQ(passing.watcher().link()->digest, WantedDigest()) << step;
  }
}

TEST(ReplyWatcher, AStreamThatIsCutShortIsKnownByItsText) {
  Passing passing(kStreamHead, kStream);
  EXPECT_EQ(passing.KnownAfter(10), std::string::npos);
  passing.Finish();
  EXPECT_TRUE(passing.watcher().cut_short());
  ASSERT_NE(passing.watcher().link(), nullptr);
  EXPECT_EQ(passing.watcher().link()->digest, WantedDigest());
}

TEST(ReplyWatcher, AStreamThatIsBrokenOffIsKnownByItsText) {
  Passing passing(kStreamHead, kStream + "data: {\"cho");
  EXPECT_EQ(passing.KnownAfter(10), std::string::npos);
  passing.watcher().BreakOff();
  ASSERT_NE(passing.watcher().link(), nullptr);
  EXPECT_EQ(passing.watcher().link()->digest, WantedDigest());
}

TEST(ReplyWatcher, WhatIsNoAnswerOfAChatHasNoLink) {
  Passing error(
      "HTTP/1.1 400 Bad Request\r\ncontent-length: " + std::to_string(kWhole.size()) + "\r\n\r\n",
      std::string(kWhole));
  EXPECT_EQ(error.KnownAfter(1'000), std::string::npos);
  error.Finish();
  EXPECT_EQ(error.watcher().link(), nullptr);

  Passing other(WholeHead(kWhole.size()), std::string(kWhole), Operation::kCompletions);
  EXPECT_EQ(other.KnownAfter(1'000), std::string::npos);
  other.Finish();
  EXPECT_EQ(other.watcher().link(), nullptr);
}

}  // namespace
}  // namespace mainstay::gateway
