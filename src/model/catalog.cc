#include "model/catalog.h"

#include <algorithm>
#include <cmath>

#include "base/json_writer.h"

namespace mainstay {
namespace {

// "gpt-4o" of "openai/gpt-4o"; the whole name when there is no slash.
std::string_view BareName(std::string_view name) {
  const size_t slash = name.find('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

// No term of a cost is above a billion. Providers may report any count, and four such terms still
// add up without overflow.
constexpr double kChargeMax = 1e18;

int64_t Charge(double price_per_1m, int64_t tokens) {
  // price × tokens / 1e6 in units of 1e-9: price × tokens × 1000, rounded half up.
  const double nano = std::floor(price_per_1m * static_cast<double>(tokens) * 1e3 + 0.5);
  return static_cast<int64_t>(std::min(nano, kChargeMax));
}

}  // namespace

bool Target::Serves(std::string_view model) const {
  return models.empty() || std::ranges::find(models, model) != models.end();
}

std::optional<NanoMoney> Model::Cost(const Usage& usage) const {
  if (!options.pricing || !usage.prompt || !usage.completion) {
    return std::nullopt;
  }
  const PricingOptions& price = *options.pricing;
  if (!price.prompt_per_1m || !price.completion_per_1m) {
    return std::nullopt;
  }
  const int64_t cached = usage.cached.value_or(0);
  int64_t uncached = std::max<int64_t>(0, *usage.prompt - cached);
  int64_t total = 0;
  // Written tokens are charged as written or as uncached, never twice (spec 11.34).
  if (price.cache_write_per_1m && usage.cache_write) {
    uncached = std::max<int64_t>(0, uncached - *usage.cache_write);
    total += Charge(*price.cache_write_per_1m, *usage.cache_write);
  }
  total += Charge(*price.prompt_per_1m, uncached);
  total += Charge(price.cached_input_per_1m.value_or(*price.prompt_per_1m), cached);
  total += Charge(*price.completion_per_1m, *usage.completion);
  return NanoMoney{total};
}

Catalog::Catalog(const CatalogOptions& options, const Catalog* earlier) {
  for (const ProviderOptions& provider : options.providers) {
    AddProvider(provider);
  }
  for (const ModelOptions& model : options.models) {
    AddModel(model, earlier);
  }
  IndexNames();
}

void Catalog::AddProvider(const ProviderOptions& options) {
  auto provider = std::make_unique<Provider>();
  provider->name = options.name;
  provider->protocol = options.protocol;
  provider->timeouts = options.timeouts;
  std::vector<std::string> addresses = options.endpoints;
  if (addresses.empty()) {
    addresses.push_back(options.base_url);
  }
  std::vector<AccountOptions> accounts = options.accounts;
  if (accounts.empty()) {
    // Self-hosted servers often want no credential; the provider's name stands for the account.
    accounts.push_back({.alias = options.name});
  }
  for (const AccountOptions& account : accounts) {
    for (size_t i = 0; i < addresses.size(); ++i) {
      HeaderOptions headers = options.headers;
      headers.insert(headers.end(), account.headers.begin(), account.headers.end());
      provider->targets.push_back({.provider = provider.get(),
                                   .account = account.alias,
                                   .endpoint = addresses[i],
                                   .index = target_count_++,
                                   .endpoint_index = static_cast<int32_t>(endpoints_.size() + i),
                                   .enabled = account.enabled,
                                   .models = account.models,
                                   .api_key = account.api_key,
                                   .headers = std::move(headers)});
    }
  }
  for (const std::string& address : addresses) {
    endpoints_.push_back(
        {.base_url = address, .timeouts = options.timeouts, .keep_alive = options.keep_alive});
  }
  providers_.push_back(std::move(provider));
}

void Catalog::AddModel(const ModelOptions& options, const Catalog* earlier) {
  auto model = std::make_unique<Model>();
  model->name = options.name;
  model->upstream_name =
      options.upstream_name.empty() ? std::string(BareName(options.name)) : options.upstream_name;
  json::AppendString(model->upstream_json, model->upstream_name);
  for (const auto& provider : providers_) {
    if (provider->name == options.provider) {
      model->provider = provider.get();
      model->served = std::ranges::any_of(provider->targets, [&](const Target& target) {
        return target.enabled && target.Serves(model->name);
      });
    }
  }
  const Model* const before = earlier == nullptr ? nullptr : earlier->Find(model->name);
  model->first_token = before != nullptr && before->name == model->name
                           ? before->first_token
                           : std::make_shared<FirstTokenTime>();
  model->index = static_cast<int32_t>(models_.size());
  model->options = options;
  models_.push_back(std::move(model));
}

void Catalog::IndexNames() {
  for (const auto& model : models_) {
    by_name_.emplace(model->name, model.get());
    listed_.push_back({model->name, model.get()});
    for (const std::string& alias : model->options.aliases) {
      by_name_.emplace(alias, model.get());
      listed_.push_back({alias, model.get()});
    }
  }
  // A bare name that two models share, or that is somebody's name, is no alias.
  FlatMap<std::string_view, int> uses;
  for (const auto& model : models_) {
    ++uses[BareName(model->name)];
  }
  for (const auto& model : models_) {
    const std::string_view bare = BareName(model->name);
    if (!bare.empty() && uses[bare] == 1) {
      by_name_.emplace(std::string(bare), model.get());
    }
  }
}

const Model* Catalog::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace mainstay
