#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "base/secret.h"
#include "model/protocol.h"

namespace mainstay {

// What the operator says about providers and models (spec 01, `providers` and `models`). Values as
// read; Catalog (catalog.h) is the checked, indexed form that requests are served from.

using HeaderOptions = std::vector<std::pair<std::string, std::string>>;

// One credential at one provider.
struct AccountOptions {
  std::string alias;  // unique over all providers (spec 11.11)
  Secret api_key;     // may be empty: nothing is sent
  bool enabled = true;
  std::vector<std::string> models;  // configured names; empty = every model of the provider
  HeaderOptions headers;            // added to every request of this account
};

struct UpstreamTimeouts {
  std::chrono::milliseconds connect{5'000};       // name look-up, TCP and TLS together
  std::chrono::milliseconds first_byte{120'000};  // request sent → first byte of the answer
  std::chrono::milliseconds idle{300'000};        // between two reads of the answer
  std::chrono::milliseconds total{0};             // whole attempt; 0 = no limit
};

struct KeepAliveOptions {
  int64_t connections_per_worker = 64;  // idle connections kept per endpoint and worker
  std::chrono::milliseconds idle{60'000};
};

struct ProviderOptions {
  std::string name;
  Protocol protocol = Protocol::kOpenAiChat;
  std::string base_url;                  // with the version: https://host/v1 (spec 11.10)
  std::vector<std::string> endpoints;    // replicas of one self-hosted provider; then no base_url
  std::vector<AccountOptions> accounts;  // empty: requests carry no credential
  HeaderOptions headers;                 // added to every request of this provider
  UpstreamTimeouts timeouts;
  KeepAliveOptions keep_alive;
};

// Prices per million tokens. An absent price is unknown, which is not 0.
struct PricingOptions {
  std::string currency = "USD";
  std::optional<double> prompt_per_1m;
  std::optional<double> completion_per_1m;
  std::optional<double> cached_input_per_1m;
  std::optional<double> cache_write_per_1m;
};

enum class Capability : uint8_t { kTools, kVision, kAudio, kJson, kReasoning };

struct ModelOptions {
  std::string name;
  std::string provider;
  std::string upstream_name;  // empty: the part of the name after the first "/"
  std::vector<std::string> aliases;
  std::optional<int64_t> context_window;  // tokens
  std::optional<int64_t> max_output;      // tokens
  std::vector<Capability> capabilities;
  std::optional<PricingOptions> pricing;
};

struct CatalogOptions {
  std::vector<ProviderOptions> providers;
  std::vector<ModelOptions> models;
};

// Adds what is wrong: names missing, given twice or not fit for a header, models of unknown
// providers, base_url together with endpoints, headers that are the gateway's own, prices below 0,
// aliases that clash, account lists longer than this version can serve. Whether addresses are URLs
// is checked by gateway::Validate, which may know about http. Paths start at providers and models.
void Validate(const CatalogOptions& options, Problems& problems);

}  // namespace mainstay
