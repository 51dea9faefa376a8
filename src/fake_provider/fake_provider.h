#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "fake_provider/account_book.h"
#include "fake_provider/calls.h"
#include "fake_provider/options.h"
#include "fake_provider/player.h"
#include "fake_provider/prefix_cache.h"
#include "fake_provider/script.h"
#include "http/server.h"

namespace mainstay::fake_provider {

// A model provider that speaks the OpenAI protocol and answers what it is told to: for demos, for
// tests and as an origin under load. Its usage numbers come from a prefix cache that works as those
// of real providers do. docs/fake_provider.md is its manual.
//
// Steering, from the weakest to the strongest: the script, the name of the model ("fake/" and
// fields of an action), the request's x-fake-... headers.
//
// Threads: that of its server's loop. It outlives the server.
class FakeProvider final : public http::Handler {
 public:
  // `now` is the time of the cache and of the answers; call it on the loop's thread. The options
  // have been validated. Equal seeds and equal requests give equal answers.
  FakeProvider(Options options, std::function<WallTime()> now, uint64_t seed);

  // The rule for these requests; see Rule. In a test:
  //   provider.On({.account = "a"}).Error(429, {{"retry-after", "30"}});
  Rule& On(Match match) { return script_.On(std::move(match)); }
  // Replaces all rules; references to earlier ones are void.
  void SetScript(Script script) { script_ = std::move(script); }

  // The requests that Options::record_calls keeps, oldest first. Valid until the next request.
  const std::deque<Call>& calls() const { return log_.calls(); }
  // How many requests there were in all.
  int64_t call_count() const { return log_.count(); }
  PrefixCache& cache() { return cache_; }

  io::Task<void> Handle(http::ServerExchange& exchange) override;
  io::Task<void> Refuse(const Error& error, http::ServerExchange& exchange) override;

 private:
  // A request that is being answered.
  struct Turn {
    int64_t number = 0;
    Customer customer;
    std::string path;
    std::string request_id;
    Incoming request;
    Action action;
    int64_t cached_tokens = 0;
  };

  io::Task<void> Serve(Operation operation, http::ServerExchange& exchange, Turn& turn);
  io::Task<void> Control(http::ServerExchange& exchange, std::string_view path);
  io::Task<void> Send(http::ServerExchange& exchange, const Answer& answer, const Turn& turn);

  // Reads the body and decides what to do with it: an answer when that is an error.
  std::optional<Answer> Prepare(Operation operation, http::ServerExchange& exchange, Turn& turn);
  Result<Incoming> Decode(Operation operation, const http::ServerExchange& exchange) const;
  Answer MakeTurnAnswer(Turn& turn);
  // What needs no body: the models, and all that is not served.
  Answer AnswerDirectly(const Customer& customer, http::Method method, std::string_view path) const;
  Result<std::string> RunControl(const http::RequestHead& head, std::string_view path,
                                 std::string_view body);
  bool Serves(std::string_view model) const;
  std::string NewId();

  const Options options_;
  const std::function<WallTime()> now_;
  Random random_;
  AccountBook accounts_;
  PrefixCache cache_;
  Script script_;
  CallLog log_;
};

}  // namespace mainstay::fake_provider
