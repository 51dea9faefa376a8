// What the gateway says about the conversations of a recorded traffic, without its sockets: decodes
// each request, finds its conversation, digests the answer and remembers it, all with the gateway's
// own code. evaluate.py writes the requests, one line each, and judges what comes out:
//
//   {"caller":…, "agent":…, "at_ms":…, "body":{request}, "reply":{message} or null: it fails,
//    "stream":…, "session":…, "hold": so many other requests come before the answer}
//   {"n":…, "conversation":…, "class":…, "branch":…, "matched":…, "ns_decode":…, …}
//
// Usage: classify < requests > classes [--measure N]: also decodes without a history, and gives the
// best of N for both; [--seed N].
#include <chrono>
#include <cstdio>
#include <deque>
#include <iostream>
#include <memory>
#include <string>

#include "../flags.h"
#include "base/json_reader.h"
#include "base/keyed_hash.h"
#include "exchange_line.h"
#include "session/conversations.h"
#include "session/memory_store.h"
#include "wire/digest/history_builder.h"
#include "wire/openai_chat/reply.h"
#include "wire/openai_chat/reply_digest.h"
#include "wire/openai_chat/request.h"

namespace mainstay::bench {
namespace {

constexpr size_t kEventBytesMax = 1 << 20;

// Steady, so that a run can be repeated; the gateway's is random.
HashKey InstallKey() {
  std::array<uint8_t, HashKey::kBytes> bytes{};
  bytes.fill(7);
  return HashKey(bytes);
}

// As the gateway does (gateway/conversation_stage.cc): what a client calls itself, without
// versions.
uint64_t FamilyOf(std::string_view agent) {
  std::string family;
  for (const char c : agent) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      family += c;
    }
  }
  return HashOf(family, 0).low;
}

class Stopwatch final {
 public:
  // Nanoseconds since it was made or asked before.
  int64_t Lap() {
    const auto now = std::chrono::steady_clock::now();
    const auto lap = std::chrono::duration_cast<std::chrono::nanoseconds>(now - begin_);
    begin_ = std::chrono::steady_clock::now();
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// A request between its arrival and its answer.
struct Exchange {
  int64_t number = 0;
  std::string text;  // the line, padded
  ExchangeLine line;
  History history;
  session::Conversations::Question question;
  session::Conversations::Place place;
  int64_t ns_plain = 0;
  int64_t ns_decode = 0;
  int64_t ns_find = 0;
  int64_t ns_reply = 0;
  int64_t ns_commit = 0;
};

class Classifier final {
 public:
  Classifier(int64_t measure, int64_t seed)
      : measure_(measure), random_(static_cast<uint64_t>(seed)) {}

  // False: the line is wrong; `why` says how.
  bool Take(std::string text, std::string& why);
  // The answers to all requests that still wait for theirs.
  void Finish();

 private:
  bool Decode(Exchange& x, std::string& why);
  void Ask(Exchange& x);
  const Link* Digest(Exchange& x);
  void Answer(Exchange& x);
  void AnswerDue();

  const int64_t measure_;
  Random random_;
  const HashKey key_ = InstallKey();
  const KeyedHash scope_hash_{key_, "history"};
  const KeyedHash session_hash_{key_, "session"};
  const wire::HistoryRules history_rules_{{}, key_};
  const session::ContinuityOptions rules_;
  const std::unique_ptr<session::StateStore> store_ = session::MakeMemoryStore();
  session::Conversations conversations_{*store_, rules_, WallTime{}};
  wire::HistoryBuilder builder_;
  wire::openai_chat::ReplyDigest digest_;
  int64_t count_ = 0;
  std::deque<std::unique_ptr<Exchange>> waiting_;
};

bool Classifier::Decode(Exchange& x, std::string& why) {
  std::string scratch;
  Request request;
  for (int64_t i = 0; i < std::max<int64_t>(1, measure_); ++i) {
    Stopwatch watch;
    if (measure_ > 0) {
      if (!wire::openai_chat::DecodeRequest(Operation::kChat, x.line.body, scratch, nullptr,
                                            request)) {
        break;  // said below
      }
      const int64_t plain = watch.Lap();
      x.ns_plain = i == 0 ? plain : std::min(x.ns_plain, plain);
    }
    builder_.Start(history_rules_, x.history);
    const Result<void> decoded = wire::openai_chat::DecodeRequest(Operation::kChat, x.line.body,
                                                                  scratch, &builder_, request);
    if (!decoded) {
      why = decoded.error().message;
      return false;
    }
    const int64_t ns = watch.Lap();
    x.ns_decode = i == 0 ? ns : std::min(x.ns_decode, ns);
  }
  return true;
}

void Classifier::Ask(Exchange& x) {
  const KeyedHash::Digest scope = scope_hash_.Hash({x.line.caller, x.line.tenant});
  x.question = {.scope = {.low = scope.low, .high = scope.high},
                .history = &x.history,
                .caller = x.line.caller,
                .session = {},
                .source = "header:x-session-id",
                .named = {},
                .client = FamilyOf(x.line.agent)};
  if (!x.line.session.empty()) {
    x.question.session = SessionKey{session_hash_.Hash({x.line.caller, x.line.session})};
  }
  Stopwatch watch;
  conversations_.Find(x.question, rules_, WallTime(std::chrono::milliseconds(x.line.at_ms)),
                      random_, x.place);
  x.ns_find = watch.Lap();
}

bool Classifier::Take(std::string text, std::string& why) {
  AnswerDue();
  auto x = std::make_unique<Exchange>();
  x->number = count_++;
  x->text = std::move(text);
  const size_t bytes = x->text.size();
  x->text.append(json::kPadding, '\0');
  if (!ReadExchangeLine(std::string_view(x->text).substr(0, bytes), x->line, why) ||
      !Decode(*x, why)) {
    return false;
  }
  Ask(*x);
  if (x->line.hold == 0) {
    Answer(*x);
  } else {
    waiting_.push_back(std::move(x));
  }
  return true;
}

void Classifier::AnswerDue() {
  std::erase_if(waiting_, [&](const std::unique_ptr<Exchange>& x) {
    const bool is_due = count_ > x->number + x->line.hold;
    if (is_due) {
      Answer(*x);
    }
    return is_due;
  });
}

void Classifier::Finish() {
  for (const std::unique_ptr<Exchange>& x : waiting_) {
    Answer(*x);
  }
  waiting_.clear();
}

// The answer as it passes: in pieces, as a network cuts them.
const Link* Classifier::Digest(Exchange& x) {
  std::string answer;
  if (x.line.is_stream) {
    StreamedAnswer(x.line.reply, random_, answer);
  } else {
    answer = WholeAnswer(x.line.reply);
  }
  const size_t bytes = answer.size();
  answer.append(json::kPadding, '\0');
  Stopwatch watch;
  digest_.Start(history_rules_, x.history);
  wire::openai_chat::StreamScanner scanner(wire::openai_chat::UsageEvent::kForward, kEventBytesMax,
                                           &digest_);
  for (size_t at = 0; at < bytes;) {
    const size_t piece = std::min<size_t>(1 + random_.Below(4096), bytes - at);
    const std::string_view part = std::string_view(answer).substr(at, piece);
    at += piece;
    if (!x.line.is_stream) {
      digest_.TakeBytes(part);
      continue;
    }
    std::string_view forward;
    scanner.Feed(part);
    while (scanner.Next(forward) == wire::openai_chat::StreamScanner::Step::kForward) {
    }
  }
  if (!x.line.is_stream) {
    digest_.Complete();
  }
  x.ns_reply = watch.Lap();
  return digest_.link();
}

void Classifier::Answer(Exchange& x) {
  const WallTime now(std::chrono::milliseconds(x.line.at_ms));
  const Continuity evidence = x.place.view().evidence;
  if (x.line.reply.empty()) {
    conversations_.Fail(x.place, x.question, rules_, now);
  } else {
    const Link* const link = Digest(x);
    Stopwatch watch;
    conversations_.Commit(x.place, x.question, {.reply = link, .model = "any/model"}, rules_, now);
    x.ns_commit = watch.Lap();
  }
  const ConversationView& view = x.place.view();
  const std::string_view text = ContinuityText(evidence);
  std::printf(
      "{\"n\":%lld,\"conversation\":\"%016llx%016llx\",\"class\":\"%.*s\",\"branch\":%u,"
      "\"matched\":%u,\"links\":%zu,\"ns_plain\":%lld,\"ns_decode\":%lld,\"ns_find\":%lld,"
      "\"ns_reply\":%lld,\"ns_commit\":%lld}\n",
      static_cast<long long>(x.number), static_cast<unsigned long long>(view.key.digest.high),
      static_cast<unsigned long long>(view.key.digest.low), static_cast<int>(text.size()),
      text.data(), view.branch, view.matched_messages, x.history.links.size(),
      static_cast<long long>(x.ns_plain), static_cast<long long>(x.ns_decode),
      static_cast<long long>(x.ns_find), static_cast<long long>(x.ns_reply),
      static_cast<long long>(x.ns_commit));
}

int Run(int argc, char** argv) {
  Flags flags(argc, argv);
  const int64_t measure = flags.Int("measure", 0, 0);
  const int64_t seed = flags.Int("seed", 1, 0);
  flags.RefuseUnknown();
  std::ios::sync_with_stdio(false);
  Classifier classifier(measure, seed);
  std::string line;
  std::string why;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    if (!classifier.Take(std::move(line), why)) {
      std::fprintf(stderr, "classify: line %lld: %s\n", static_cast<long long>(number),
                   why.c_str());
      return 1;
    }
  }
  classifier.Finish();
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mainstay::bench

int main(int argc, char** argv) {
  return mainstay::bench::Run(argc, argv);
}
