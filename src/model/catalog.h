#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flat_map.h"
#include "base/units.h"
#include "model/catalog_options.h"
#include "model/usage.h"

namespace mainstay {

struct Provider;

// One place a request can be sent to: an account at an endpoint. What never changes from request
// to request is put together once, here.
struct Target {
  const Provider* provider = nullptr;
  std::string account;         // alias
  std::string endpoint;        // base URL without credentials
  int32_t index = 0;           // over all providers, counted from 0
  int32_t endpoint_index = 0;  // into Catalog::endpoints()
  bool enabled = true;
  std::vector<std::string> models;  // configured names it serves; empty = all of the provider
  Secret api_key;
  HeaderOptions headers;  // provider's and account's, the account's last

  bool Serves(std::string_view model) const;
};

// An address that connections are pooled for.
struct Endpoint {
  std::string base_url;
  UpstreamTimeouts timeouts;
  KeepAliveOptions keep_alive;
};

struct Provider {
  std::string name;
  Protocol protocol = Protocol::kOpenAiChat;
  UpstreamTimeouts timeouts;
  std::vector<Target> targets;  // in configured order: account by account, endpoint by endpoint
};

// How soon a model's streams begin: an exponentially weighted mean of the time from sending a
// request to the first bytes of the stream, each new one with a weight of a fifth (spec 04 §5).
// Threads: any; when two report at once, one of the two may be lost.
class FirstTokenTime final {
 public:
  static constexpr int kWeightOfOlder = 4;

  void Add(std::chrono::nanoseconds time) {
    const int64_t mean = nanos_.load(std::memory_order_relaxed);
    const int64_t now = time.count();
    nanos_.store(mean == kUnknown ? now : (kWeightOfOlder * mean + now) / (kWeightOfOlder + 1),
                 std::memory_order_relaxed);
  }
  // The longest of all times while none was measured.
  std::chrono::nanoseconds mean() const {
    return std::chrono::nanoseconds(nanos_.load(std::memory_order_relaxed));
  }

 private:
  static constexpr int64_t kUnknown = std::chrono::nanoseconds::max().count();

  std::atomic<int64_t> nanos_ = kUnknown;
};

struct Model {
  std::string name;
  std::string upstream_name;
  std::string upstream_json;  // the same as a JSON string, as it is spliced into requests
  const Provider* provider = nullptr;
  int32_t index = 0;                            // position in Catalog::models()
  bool served = false;                          // an enabled target serves it
  std::shared_ptr<FirstTokenTime> first_token;  // never null; of every catalog with this name
  ModelOptions options;

  // What the tokens cost, rounded half up to 1e-9 per term; nullopt when a price or count that is
  // needed is unknown (spec 05 §4).
  std::optional<NanoMoney> Cost(const Usage& usage) const;
};

// The providers and models of one configuration, indexed by every name that clients may use.
// Immutable but for what is measured: shared between threads without locks.
class Catalog final {
 public:
  // `options` must have passed Validate. What `earlier`, which may be null, has measured of a model
  // goes on.
  explicit Catalog(const CatalogOptions& options, const Catalog* earlier = nullptr);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  // The model of this configured name, alias or unambiguous bare name; null when there is none.
  const Model* Find(std::string_view name) const;

  const std::vector<std::unique_ptr<Model>>& models() const { return models_; }
  const std::vector<std::unique_ptr<Provider>>& providers() const { return providers_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  int32_t target_count() const { return target_count_; }

  struct Name {
    std::string text;
    const Model* model;
  };
  // Configured names and aliases in configured order, as /v1/models lists them.
  const std::vector<Name>& listed() const { return listed_; }

 private:
  void AddProvider(const ProviderOptions& options);
  void AddModel(const ModelOptions& options, const Catalog* earlier);
  void IndexNames();

  std::vector<std::unique_ptr<Provider>> providers_;
  std::vector<std::unique_ptr<Model>> models_;
  std::vector<Endpoint> endpoints_;
  int32_t target_count_ = 0;
  std::vector<Name> listed_;
  TextMap<const Model*> by_name_;
};

}  // namespace mainstay
