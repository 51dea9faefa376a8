#include "gateway/options.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "base/suggest.h"
#include "http/url.h"

namespace mainstay::gateway {
namespace {

// Every name that a client may ask for: configured names, aliases, and the part after the first "/"
// where no other model has the same (see Catalog, which is built only from checked options).
std::vector<std::string_view> KnownNames(const CatalogOptions& catalog) {
  std::vector<std::string_view> names;
  std::map<std::string_view, int> bare_names;
  for (const ModelOptions& model : catalog.models) {
    names.push_back(model.name);
    names.insert(names.end(), model.aliases.begin(), model.aliases.end());
    const std::string_view name = model.name;
    const size_t slash = name.find('/');
    ++bare_names[name.substr(slash == std::string_view::npos ? 0 : slash + 1)];
  }
  for (const auto& [name, uses] : bare_names) {
    if (uses == 1) {
      names.push_back(name);
    }
  }
  return names;
}

bool Contains(const auto& list, std::string_view wanted) {
  return std::ranges::find(list, wanted) != std::end(list);
}

// Each number has its own range where the file is read.
void CheckContinuity(const session::ContinuityOptions& options, Problems& problems) {
  if (options.run_min > options.fingerprint_message_count) {
    problems.Add("session.fuzzy.min_run",
                 "must be at most session.session_continuity.fingerprint_message_count, which is " +
                     std::to_string(options.fingerprint_message_count));
  }
}

// False for what is no address at all, which is reported elsewhere.
bool IsOffLoopback(const std::string& listen) {
  const Result<http::ListenAddress> address = http::ParseListenAddress(listen);
  return address && !address->loopback;
}

bool IsListenedAt(const std::vector<std::string>& listen, const http::ListenAddress& wanted) {
  return std::ranges::any_of(listen, [&](const std::string& text) {
    const Result<http::ListenAddress> address = http::ParseListenAddress(text);
    return address && *address == wanted;
  });
}

void CheckListeners(const Options& options, Problems& problems) {
  const Result<http::ListenAddress> admin = http::ParseListenAddress(options.admin_listen);
  if (!admin) {
    problems.Add("server.admin_listen", admin.error().message);
  } else if (IsListenedAt(options.server.listen, *admin)) {
    problems.Add("server.admin_listen", "must not be an address of server.listen");
  }
  if (admin && !admin->loopback && options.admin_token.empty()) {
    problems.Add("server.admin_listen",
                 "is not on loopback, which needs server.admin_token; set it, or listen at "
                 "127.0.0.1");
  }
  // The client's own key is checked by the provider, so pass-through serves nobody anonymously.
  const bool anonymous = options.identity.callers.empty() && !options.identity.pass_through_auth;
  if (!anonymous || options.allow_anonymous) {
    return;
  }
  for (size_t i = 0; i < options.server.listen.size(); ++i) {
    if (IsOffLoopback(options.server.listen[i])) {
      problems.Add(options.server.listen.size() == 1 ? "server.listen" : At("server.listen", i),
                   "is not on loopback, which needs callers with keys; configure callers, or set "
                   "server.allow_anonymous: true, or listen at 127.0.0.1");
    }
  }
}

void CheckUrl(const std::string& text, const std::string& path, Problems& problems) {
  const Result<http::Url> url = http::ParseUrl(text);
  if (!url) {
    problems.Add(path, url.error().message);
  }
}

void CheckUrls(const std::vector<ProviderOptions>& providers, Problems& problems) {
  for (size_t p = 0; p < providers.size(); ++p) {
    const std::string path = At("providers", p);
    if (!providers[p].base_url.empty()) {
      CheckUrl(providers[p].base_url, Under(path, "base_url"), problems);
    }
    const std::vector<std::string>& endpoints = providers[p].endpoints;
    for (size_t e = 0; e < endpoints.size(); ++e) {
      CheckUrl(endpoints[e], At(Under(path, "endpoints"), e), problems);
    }
  }
}

void CheckDefaultModel(const Options& options, const std::vector<std::string_view>& names,
                       Problems& problems) {
  const std::string& model = options.decision.default_model;
  if (model.empty()) {
    if (options.decision.unknown_model == decision::UnknownModel::kDefault) {
      problems.Add("routing.default_model", "is missing; unknown_model: default needs it");
    }
    return;
  }
  if (!Contains(names, model)) {
    problems.Add("routing.default_model",
                 model + " is neither the name nor an alias of a model" + DidYouMean(model, names));
  }
}

void CheckPreferences(const Options& options, const std::vector<std::string_view>& names,
                      Problems& problems) {
  const std::vector<decision::PreferenceOptions>& preferences = options.decision.preferences;
  for (size_t i = 0; i < preferences.size(); ++i) {
    const std::string path = At("routing.preferences", i);
    const auto same_name = [&](const decision::PreferenceOptions& each) {
      return each.route.name == preferences[i].route.name;
    };
    if (std::any_of(preferences.begin(), preferences.begin() + static_cast<ptrdiff_t>(i),
                    same_name)) {
      problems.Add(Under(path, "name"),
                   preferences[i].route.name + " is the name of an earlier one");
    }
    if (const std::string_view problem = decision::ProblemOfName(preferences[i].route.name);
        !problem.empty()) {
      problems.Add(Under(path, "name"), std::string(problem));
    }
    if (preferences[i].models.empty()) {
      problems.Add(Under(path, "models"), "must name at least one model");
    }
    for (size_t m = 0; m < preferences[i].models.size(); ++m) {
      const std::string& model = preferences[i].models[m];
      if (!Contains(names, model)) {
        problems.Add(
            At(Under(path, "models"), m),
            model + " is neither the name nor an alias of a model" + DidYouMean(model, names));
      }
    }
  }
  // Clients may bring preferences of their own, so that it is always needed.
  decision::Validate(options.decision.router, "routing.router", problems);
  for (size_t i = 0; i < options.decision.auto_models.size(); ++i) {
    if (Contains(names, options.decision.auto_models[i])) {
      problems.Add(At("routing.auto_models", i),
                   options.decision.auto_models[i] + " is the name or an alias of a model");
    }
  }
}

bool Matches(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                : name == pattern;
}

// A name that is written out must exist: a caller who silently may use nothing is a mistake that
// is found late. Patterns may be ahead of the models, see AddWarnings.
void CheckAllowedModels(const Options& options, Problems& problems) {
  std::vector<std::string_view> names;
  for (const ModelOptions& model : options.catalog.models) {
    names.push_back(model.name);
  }
  for (size_t c = 0; c < options.identity.callers.size(); ++c) {
    const std::vector<std::string>& patterns = options.identity.callers[c].allow_models;
    for (size_t i = 0; i < patterns.size(); ++i) {
      if (patterns[i].find('*') == std::string::npos && !patterns[i].empty() &&
          !Contains(names, patterns[i])) {
        problems.Add(At(Under(At("callers", c), "allow_models"), i),
                     patterns[i] + " is not the name of a configured model" +
                         DidYouMean(patterns[i], names));
      }
    }
  }
}

// Whether a provider has something enabled that serves the model.
bool Offers(const ProviderOptions& provider, const std::string& model) {
  return provider.accounts.empty() ||
         std::ranges::any_of(provider.accounts, [&](const AccountOptions& account) {
           return account.enabled && (account.models.empty() || Contains(account.models, model));
         });
}

void WarnOfModels(const CatalogOptions& catalog, Problems& warnings) {
  std::map<std::string_view, const ProviderOptions*> providers;
  for (const ProviderOptions& provider : catalog.providers) {
    providers.emplace(provider.name, &provider);
  }
  for (size_t m = 0; m < catalog.models.size(); ++m) {
    const ModelOptions& model = catalog.models[m];
    const auto provider = providers.find(model.provider);
    if (provider != providers.end() && !Offers(*provider->second, model.name)) {
      warnings.Add(At("models", m), "no enabled account of " + model.provider + " offers " +
                                        model.name + "; requests for it will be refused");
    }
  }
  for (size_t p = 0; p < catalog.providers.size(); ++p) {
    const ProviderOptions& provider = catalog.providers[p];
    const bool used = std::ranges::any_of(
        catalog.models, [&](const ModelOptions& model) { return model.provider == provider.name; });
    if (!used) {
      warnings.Add(At("providers", p),
                   "no model uses " + provider.name + "; its accounts are idle");
    }
  }
}

}  // namespace

void Validate(const Options& options, Problems& problems) {
  http::Validate(options.server, "server", problems);
  CheckListeners(options, problems);
  if (options.workers < 0 || options.workers > 1'024) {
    problems.Add("server.workers", "must be from 0 to 1024; 0 is one for each CPU");
  }
  identity::Validate(options.identity, problems);
  mainstay::Validate(options.catalog, problems);
  CheckUrls(options.catalog.providers, problems);
  CheckAllowedModels(options, problems);
  const std::vector<std::string_view> names = KnownNames(options.catalog);
  CheckDefaultModel(options, names, problems);
  CheckPreferences(options, names, problems);
  identity::Validate(options.session_headers, problems);
  identity::Validate(options.vtc, problems);
  wire::Validate(options.history, "session.volatile_patterns", problems);
  CheckContinuity(options.continuity, problems);
  upstream::Validate(options.failover, "routing.failover", problems);
  if (options.state.path.empty()) {
    problems.Add("state.path", "must not be empty");
  }
}

void AddWarnings(const Options& options, Problems& warnings) {
  if (options.catalog.models.empty()) {
    warnings.Add("models", "there are none; every request will be refused");
  }
  WarnOfModels(options.catalog, warnings);
  for (size_t c = 0; c < options.identity.callers.size(); ++c) {
    const std::vector<std::string>& patterns = options.identity.callers[c].allow_models;
    for (size_t i = 0; i < patterns.size(); ++i) {
      const bool matches = std::ranges::any_of(
          options.catalog.models,
          [&](const ModelOptions& model) { return Matches(patterns[i], model.name); });
      if (!matches && !options.catalog.models.empty()) {
        warnings.Add(At(Under(At("callers", c), "allow_models"), i),
                     patterns[i] + " matches no configured model");
      }
    }
  }
}

}  // namespace mainstay::gateway
