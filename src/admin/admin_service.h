#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "admin/answer.h"
#include "admin/sessions_api.h"
#include "base/problems.h"
#include "base/random.h"
#include "base/secret.h"
#include "http/server.h"

namespace mainstay::admin {

// What came of a reload that the operator asked for.
struct ReloadOutcome {
  std::string hash;   // of the configuration in force afterwards
  Problems problems;  // empty: the new file is in force
};

// What the admin listener can ask of the gateway. Called on the admin listener's thread.
struct Operations {
  std::function<std::string()> metrics;      // Prometheus text
  std::function<std::string()> state_json;   // GET /api/state
  std::function<std::string()> config_text;  // the effective configuration, secrets hidden
  std::function<ReloadOutcome()> reload;
  // Moves the policy clock; empty unless --test-clock was given.
  std::function<void(std::chrono::milliseconds)> advance_clock;
  SessionSources sessions;
};

struct Options {
  Secret token;  // empty: none is asked for, which only a loopback listener allows
  bool loopback = true;
};

// The admin listener (spec 02): metrics, health, /api, and the test clock.
class AdminService final : public http::Handler {
 public:
  AdminService(Options options, Operations operations, Random random)
      : options_(std::move(options)),
        operations_(std::move(operations)),
        sessions_(operations_.sessions),
        random_(random) {}

  io::Task<void> Handle(http::ServerExchange& client) override;
  io::Task<void> Refuse(const Error& error, http::ServerExchange& client) override;

  void SetToken(Secret token) { options_.token = std::move(token); }

 private:
  struct Route {
    std::string_view path;  // {id} stands for one segment
    http::Method method;
    bool open;  // without a token
    Answer (*serve)(AdminService& service, const Call& call);
  };
  static const Route kRoutes[];

  Answer Serve(http::ServerExchange& client);
  // The refusal of a request that may not be served.
  std::optional<Answer> Check(const Route& route, const http::RequestHead& head) const;

  Answer Reload();
  Answer Clock(const Call& call);

  io::Task<void> Send(http::ServerExchange& client, const Answer& answer);

  Options options_;
  Operations operations_;
  SessionsApi sessions_;
  Random random_;
};

}  // namespace mainstay::admin
