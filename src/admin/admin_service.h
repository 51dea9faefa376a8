#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

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
};

struct Options {
  Secret token;  // empty: none is asked for, which only a loopback listener allows
  bool loopback = true;
};

// The admin listener (spec 02): metrics, health, /api, and the test clock.
class AdminService final : public http::Handler {
 public:
  AdminService(Options options, Operations operations, Random random)
      : options_(std::move(options)), operations_(std::move(operations)), random_(random) {}

  io::Task<void> Handle(http::ServerExchange& client) override;
  io::Task<void> Refuse(const Error& error, http::ServerExchange& client) override;

  void SetToken(Secret token) { options_.token = std::move(token); }

 private:
  // An answer that is all text.
  struct Answer {
    int status = 200;
    std::string_view content_type = "application/json";
    std::string body;
    std::string_view allow;
  };
  struct Route {
    std::string_view path;
    http::Method method;
    std::string_view allow;
    bool open;  // without a token
    Answer (AdminService::*serve)(http::ServerExchange& client);
  };
  static const Route kRoutes[];

  Answer Serve(http::ServerExchange& client);
  // An empty code: let it pass.
  struct Objection {
    int status = 0;
    std::string_view code;
    std::string_view message;
  };
  Objection Check(const Route& route, const http::RequestHead& head) const;

  Answer Metrics(http::ServerExchange& client);
  Answer Health(http::ServerExchange& client);
  Answer State(http::ServerExchange& client);
  Answer Config(http::ServerExchange& client);
  Answer Reload(http::ServerExchange& client);
  Answer Clock(http::ServerExchange& client);

  io::Task<void> Send(http::ServerExchange& client, const Answer& answer);

  Options options_;
  Operations operations_;
  Random random_;
};

}  // namespace mainstay::admin
