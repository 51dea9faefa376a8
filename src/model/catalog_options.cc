#include "model/catalog_options.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "base/suggest.h"

namespace mainstay {
namespace {

// Where each name was given first.
using FirstPlaces = std::map<std::string_view, std::string, std::less<>>;

constexpr size_t kNameBytesMax = 256;

// Headers that belong to the connection, or that the gateway computes from the request itself.
constexpr std::string_view kReservedHeaders[] = {
    "accept-encoding",  "connection", "content-encoding", "content-length",
    "expect",           "host",       "keep-alive",       "proxy-authenticate",
    "proxy-connection", "te",         "trailer",          "transfer-encoding",
    "upgrade",
};

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool IsVisibleAscii(char c) {
  return c > ' ' && c < '\x7f';
}

// RFC 9110, token.
bool IsTokenCharacter(char c) {
  return IsVisibleAscii(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string::npos;
}

// Names of providers, accounts and models appear in headers, in paths and in patterns.
void CheckName(std::string_view name, const std::string& path, Problems& problems) {
  if (name.empty()) {
    problems.Add(path, "must not be empty");
  } else if (name.size() > kNameBytesMax) {
    problems.Add(path, "must not be longer than 256 bytes");
  } else if (!std::ranges::all_of(name, IsVisibleAscii) ||
             name.find('*') != std::string_view::npos) {
    problems.Add(path, "must be of visible ASCII characters, without spaces and *");
  }
}

// Adds a problem when the name was given before; `what` is "a provider", "a model" ...
void CheckFirst(std::string_view name, const std::string& path, std::string_view what,
                FirstPlaces& first, Problems& problems) {
  if (name.empty()) {
    return;
  }
  const auto [place, is_first] = first.emplace(name, path);
  if (!is_first) {
    problems.Add(path, std::string(name) + " is already the name of " + std::string(what) +
                           ", at " + place->second);
  }
}

void CheckHeaders(const HeaderOptions& headers, const std::string& path, Problems& problems) {
  std::set<std::string> seen;
  for (const auto& [name, value] : headers) {
    const std::string lower = Lower(name);
    const bool token = !name.empty() && std::ranges::all_of(name, IsTokenCharacter);
    // A name that could not be printed stands for itself only by the mapping around it.
    const std::string at = token ? Under(path, name) : path;
    if (!token) {
      problems.Add(at, "holds a header name with characters that a name may not have");
    } else if (std::ranges::find(kReservedHeaders, lower) != std::end(kReservedHeaders) ||
               lower.starts_with("x-mainstay-")) {
      problems.Add(at, "this header is set by the gateway itself");
    } else if (!seen.insert(lower).second) {
      problems.Add(at, "this header is given twice; letter case makes no difference");
    }
    const bool clean = std::ranges::all_of(
        value, [](char c) { return c == '\t' || (static_cast<uint8_t>(c) >= ' ' && c != '\x7f'); });
    if (!clean) {
      problems.Add(at, "the value holds characters that cannot be sent in a header");
    }
  }
}

void CheckAtLeast(std::chrono::milliseconds value, int64_t min, const std::string& path,
                  Problems& problems) {
  if (value.count() < min) {
    problems.Add(path, "must be at least " + std::to_string(min));
  }
}

void CheckProvider(const ProviderOptions& provider, const std::string& path, Problems& problems) {
  CheckName(provider.name, Under(path, "name"), problems);
  if (!provider.base_url.empty() && !provider.endpoints.empty()) {
    problems.Add(
        Under(path, "endpoints"),
        "must not stand beside base_url; a provider has one address or a list of replicas");
  } else if (provider.base_url.empty() && provider.endpoints.empty()) {
    problems.Add(Under(path, "base_url"), "is missing; give base_url, or endpoints for replicas");
  }
  if (provider.accounts.size() > 1) {
    problems.Add(Under(path, "accounts"),
                 "this version serves one account per provider; give each account a provider");
  }
  CheckHeaders(provider.headers, Under(path, "headers"), problems);
  const std::string timeouts = Under(path, "timeouts");
  CheckAtLeast(provider.timeouts.connect, 1, Under(timeouts, "connect_ms"), problems);
  CheckAtLeast(provider.timeouts.first_byte, 1, Under(timeouts, "first_byte_ms"), problems);
  CheckAtLeast(provider.timeouts.idle, 1, Under(timeouts, "idle_ms"), problems);
  CheckAtLeast(provider.timeouts.total, 0, Under(timeouts, "total_ms"), problems);
  const std::string keep_alive = Under(path, "keep_alive");
  CheckAtLeast(provider.keep_alive.idle, 1, Under(keep_alive, "idle_ms"), problems);
  if (provider.keep_alive.connections_per_worker < 0) {
    problems.Add(Under(keep_alive, "connections_per_worker"), "must be at least 0");
  }
}

void CheckAccounts(const CatalogOptions& options, Problems& problems) {
  // A provider without accounts serves as an account of its own name.
  FirstPlaces aliases;
  for (size_t p = 0; p < options.providers.size(); ++p) {
    const ProviderOptions& provider = options.providers[p];
    const std::string path = At("providers", p);
    if (provider.accounts.empty()) {
      aliases.emplace(provider.name, Under(path, "name"));
    }
    for (size_t a = 0; a < provider.accounts.size(); ++a) {
      const AccountOptions& account = provider.accounts[a];
      const std::string at = At(Under(path, "accounts"), a);
      CheckName(account.alias, Under(at, "alias"), problems);
      CheckFirst(account.alias, Under(at, "alias"), "an account", aliases, problems);
      CheckHeaders(account.headers, Under(at, "headers"), problems);
    }
  }
}

std::vector<std::string_view> Names(const auto& list) {
  std::vector<std::string_view> names;
  for (const auto& item : list) {
    names.push_back(item.name);
  }
  return names;
}

// The models that an account is limited to are models of its own provider.
void CheckAccountModels(const CatalogOptions& options, Problems& problems) {
  std::map<std::string_view, std::string_view> provider_of;
  for (const ModelOptions& model : options.models) {
    provider_of.emplace(model.name, model.provider);
  }
  const std::vector<std::string_view> names = Names(options.models);
  for (size_t p = 0; p < options.providers.size(); ++p) {
    const ProviderOptions& provider = options.providers[p];
    for (size_t a = 0; a < provider.accounts.size(); ++a) {
      const std::vector<std::string>& models = provider.accounts[a].models;
      const std::string path = Under(At(Under(At("providers", p), "accounts"), a), "models");
      for (size_t m = 0; m < models.size(); ++m) {
        const auto found = provider_of.find(models[m]);
        if (found == provider_of.end()) {
          problems.Add(At(path, m), models[m] + " is not the name of a configured model" +
                                        DidYouMean(models[m], names));
        } else if (found->second != provider.name) {
          problems.Add(At(path, m), models[m] + " is a model of another provider, " +
                                        std::string(found->second));
        }
      }
    }
  }
}

void CheckPricing(const PricingOptions& pricing, const std::string& path, Problems& problems) {
  const std::string& currency = pricing.currency;
  if (currency.size() != 3 ||
      !std::ranges::all_of(currency, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    problems.Add(Under(path, "currency"), "must be three capital letters, for instance USD");
  }
  const std::pair<std::string_view, std::optional<double>> prices[] = {
      {"prompt_per_1m", pricing.prompt_per_1m},
      {"completion_per_1m", pricing.completion_per_1m},
      {"cached_input_per_1m", pricing.cached_input_per_1m},
      {"cache_write_per_1m", pricing.cache_write_per_1m},
  };
  for (const auto& [key, price] : prices) {
    if (price && (!std::isfinite(*price) || *price < 0)) {
      problems.Add(Under(path, key), "must be a number of at least 0");
    }
  }
}

void CheckModel(const ModelOptions& model, const std::string& path,
                const std::vector<std::string_view>& providers, Problems& problems) {
  CheckName(model.name, Under(path, "name"), problems);
  if (model.provider.empty()) {
    problems.Add(Under(path, "provider"), "must not be empty");
  } else if (std::ranges::find(providers, model.provider) == providers.end()) {
    problems.Add(Under(path, "provider"), model.provider + " is not the name of a provider" +
                                              DidYouMean(model.provider, providers));
  }
  if (model.context_window && *model.context_window < 1) {
    problems.Add(Under(path, "context_window"), "must be at least 1");
  }
  if (model.max_output && *model.max_output < 1) {
    problems.Add(Under(path, "max_output"), "must be at least 1");
  }
  std::set<Capability> seen;
  for (size_t i = 0; i < model.capabilities.size(); ++i) {
    if (!seen.insert(model.capabilities[i]).second) {
      problems.Add(At(Under(path, "capabilities"), i), "is given twice");
    }
  }
  if (model.pricing) {
    CheckPricing(*model.pricing, Under(path, "pricing"), problems);
  }
}

// Names first, so that it is the alias that is reported when the two clash.
void CheckModelNames(const std::vector<ModelOptions>& models, Problems& problems) {
  FirstPlaces names;
  for (size_t m = 0; m < models.size(); ++m) {
    CheckFirst(models[m].name, Under(At("models", m), "name"), "a model", names, problems);
  }
  for (size_t m = 0; m < models.size(); ++m) {
    for (size_t a = 0; a < models[m].aliases.size(); ++a) {
      const std::string path = At(Under(At("models", m), "aliases"), a);
      CheckName(models[m].aliases[a], path, problems);
      CheckFirst(models[m].aliases[a], path, "a model", names, problems);
    }
  }
}

}  // namespace

void Validate(const CatalogOptions& options, Problems& problems) {
  FirstPlaces provider_names;
  for (size_t p = 0; p < options.providers.size(); ++p) {
    const std::string path = At("providers", p);
    CheckProvider(options.providers[p], path, problems);
    CheckFirst(options.providers[p].name, Under(path, "name"), "a provider", provider_names,
               problems);
  }
  CheckAccounts(options, problems);
  CheckAccountModels(options, problems);
  const std::vector<std::string_view> providers = Names(options.providers);
  for (size_t m = 0; m < options.models.size(); ++m) {
    CheckModel(options.models[m], At("models", m), providers, problems);
  }
  CheckModelNames(options.models, problems);
}

}  // namespace mainstay
