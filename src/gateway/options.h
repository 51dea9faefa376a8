#pragma once

#include <cstdint>
#include <string>

#include "base/problems.h"
#include "base/secret.h"
#include "decision/options.h"
#include "http/options.h"
#include "identity/id_sources.h"
#include "identity/options.h"
#include "identity/vtc.h"
#include "model/catalog_options.h"
#include "observe/options.h"
#include "session/continuity_options.h"
#include "session/options.h"
#include "session/pin_options.h"
#include "upstream/options.h"
#include "wire/digest/history_rules.h"

namespace mainstay::gateway {

// The whole effective configuration: one field per module. config/ fills it from the file, the
// environment and the embedded defaults; wiring.cc hands the parts out.
struct Options {
  http::ServerOptions server;
  int64_t workers = 0;  // event-loop threads; 0 = one per CPU
  std::string admin_listen = "127.0.0.1:12001";
  Secret admin_token;  // required unless admin_listen is loopback
  bool allow_anonymous = false;
  identity::Options identity;
  CatalogOptions catalog;
  identity::SessionOptions session_headers;
  decision::Options decision;
  session::PinOptions pins;
  session::ContinuityOptions continuity;
  wire::HistoryOptions history;
  identity::VtcOptions vtc;
  upstream::FailoverOptions failover;
  session::StateOptions state;
  observe::TelemetryOptions telemetry;
};

// Checks everything: each module's part, and what concerns several of them (addresses of providers
// are URLs, default_model is configured, listeners off loopback have callers and a token).
void Validate(const Options& options, Problems& problems);

// What an operator should know and what does not keep the gateway from starting: nothing to serve,
// a model that no account offers, an account that no model can use, a pattern that matches nothing.
// `options` has passed Validate.
void AddWarnings(const Options& options, Problems& warnings);

}  // namespace mainstay::gateway
