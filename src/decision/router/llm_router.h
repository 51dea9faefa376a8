#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "decision/router/answer_cache.h"
#include "decision/router/options.h"
#include "decision/router/router.h"
#include "http/client_connection.h"
#include "http/io/loop.h"
#include "http/url.h"
#include "http/whole_answer.h"

namespace mainstay::io {
class TlsClientContext;
}

namespace mainstay::decision {

// Asks a model behind an OpenAI-compatible endpoint, one chat completion for each question.
//
// Keeps its connections, apart from those of the providers, last in, first out. A kept one that
// turns out to be dead costs one more try over a fresh one; a question changes nothing over there,
// so asking twice does no harm. There are as many questions at a time as requests that wait for
// one, and as many connections; at most kIdleMax of them are kept, for kIdleTime.
class LlmRouter final : public Router, private io::Timer, private http::RestWatcher {
 public:
  static constexpr size_t kIdleMax = 16;
  static constexpr std::chrono::seconds kIdleTime{60};
  // Of the answer's body; a longer one is garbage.
  static constexpr size_t kAnswerBytesMax = 1 << 20;

  // `options` have passed Validate. `tls` may be null when the address is not https. The others
  // outlive the router.
  LlmRouter(io::Loop& loop, const io::TlsClientContext* tls, const RouterOptions& options,
            AnswerCache& cache);
  ~LlmRouter() override;

  TrimLimits Limits(const RouteSet& routes) const override;
  io::Task<RouterAnswer> Ask(const RouteSet& routes, const Conversation& conversation, WallTime now,
                             io::CancelScope& scope) override;

  size_t idle_connections() const { return idle_.size(); }

 private:
  struct Idle {
    std::unique_ptr<http::ClientConnection> connection;
    MonoTime since;
  };
  // How one try went. kClosed also when the connection was refused.
  struct Reply {
    http::AnswerOutcome outcome = http::AnswerOutcome::kClosed;
    int status = 0;
    std::string body;  // with json::kPadding behind it
    size_t body_bytes = 0;
  };

  io::Task<RouterAnswer> AskModel(std::span<const Route> routes, const Conversation& conversation,
                                  io::CancelScope& scope);
  // Sends a body over a kept connection or a fresh one, and reads the answer.
  io::Task<Reply> Send(std::string_view body, MonoTime deadline, io::CancelScope& scope);
  io::Task<Reply> SendOver(std::unique_ptr<http::ClientConnection> connection,
                           std::string_view body, MonoTime deadline, io::CancelScope& scope);

  std::unique_ptr<http::ClientConnection> TakeIdle();
  void Give(std::unique_ptr<http::ClientConnection> connection);
  void OnClosedAtRest(http::ClientConnection& connection) override;
  void OnDeadline() override;  // the oldest idle connection has waited long enough

  io::Loop& loop_;
  const RouterOptions options_;
  AnswerCache& cache_;
  const http::Url url_;
  const io::Peer peer_;
  const std::string name_;   // in the cache
  const Secret fixed_head_;  // up to the value of content-length; holds the key
  std::vector<Idle> idle_;   // oldest first
};

}  // namespace mainstay::decision
