#include "config/import/plano.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/import/draft.h"
#include "config/import/plano_models.h"
#include "config/import/source.h"
#include "http/url.h"

namespace mainstay::config {
namespace {

constexpr std::string_view kVersions[] = {"v0.1",   "v0.1.0", "0.1-beta", "0.1",    "0.2.0",
                                          "v0.2.0", "v0.3.0", "0.3.0",    "v0.4.0", "0.4.0"};
constexpr std::string_view kSections[] = {"listeners", "model_providers", "llm_providers"};
constexpr int64_t kDefaultPort = 12000;
constexpr int64_t kAdminPort = 12001;  // server.admin_listen when nothing else is said
constexpr std::string_view kHostedRouter =
    "Plano's routes are judged by a model at its makers'; here the classifier in the process does "
    "it, and no prompt leaves. For a model of your own set routing.router.type: llm, base_url and "
    "model";

// What Plano has and Mainstay has not. A row stands for everything below its path.
constexpr UnusedKey kUnusedKeys[] = {
    {"agents", "agents are not orchestrated: let them use this gateway as their model endpoint"},
    {"filters", "requests and answers are not filtered: run the filters in front of the gateway"},
    {"endpoints", "services for agents and prompt targets are not called"},
    {"listeners[].input_filters", "requests are not filtered: run the filters in front"},
    {"listeners[].output_filters", "answers are not filtered: run the filters in front"},
    {"listeners[].agents", "agents are not orchestrated"},
    {"listeners[].router", "agents are not orchestrated"},
    {"listeners[].max_retries",
     "no target is asked twice: fail-over goes to replicas and to the other models of a route, see "
     "routing.failover"},
    {"listeners.ingress_traffic", "prompt targets are not served: only models are"},
    {"prompt_targets", "functions are not called by the gateway: do it in the client"},
    {"system_prompt", "prompts are not changed: send the system prompt from the client"},
    {"prompt_guards", "prompts are not judged: run the guard in front of the gateway"},
    {"ratelimits",
     "tokens are not limited: callers[].requests_per_minute and max_concurrency limit requests"},
    {"tracing", "traces are not exported: metrics are at /metrics of server.admin_listen"},
    {"mode", "there is one mode"},
    {"state_storage", "answers are not stored: clients send their whole conversation"},
    {"state_storage_v1_responses", "answers are not stored: clients send their whole conversation"},
    {"model_metrics_sources",
     "prices are not fetched and latencies not compared: give prices as models[].pricing"},
    {"prompt_caching",
     "requests are not given cache markers: pinned sessions keep a provider's cache warm"},
    {"routing.routing_budget", "a pinned session is not moved by price at all"},
    {"routing.route_on_user_only", "a pinned session is not routed again on any turn"},
    {"overrides.agent_orchestration_model", "agents are not orchestrated"},
    {"overrides.use_agent_orchestrator", "agents are not orchestrated"},
    {"overrides.prompt_target_intent_matching_threshold", "prompt targets are not served"},
    {"overrides.optimize_context_window", "conversations are not shortened"},
    {"overrides.disable_signals", "conversations are not judged for signals"},
    {"overrides.empty_pool_behavior", "models are not dropped for what they can do"},
    {"overrides.model_capabilities_source",
     "capabilities are not fetched: give models[].context_window and capabilities"},
    {"overrides.upstream_tls_ca_path",
     "the system's authorities are used: set SSL_CERT_FILE or SSL_CERT_DIR for others"},
    {"model_providers[].capabilities", "give it as models[].capabilities"},
    {"model_providers[].routing_preferences", "only an entry that names one model can have routes"},
    {"model_providers[].usage", "routes are named and described: see routing.preferences"},
    {"llm_providers[].routing_preferences", "only an entry that names one model can have routes"},
    {"llm_providers[].usage", "routes are named and described: see routing.preferences"},
    {"llm_providers", "must not stand beside model_providers, which were read instead"},
};

class PlanoImport final {
 public:
  PlanoImport(const Node& root, Problems& differences)
      : source_(root, differences), root_(source_) {}

  Draft Run() {
    ReadVersion();
    ReadListeners();
    ReadOverrides();
    ReadRouting();
    PlanoModels models(source_, draft_, router_called_);
    for (const std::string_view key : {"model_providers", "llm_providers"}) {
      const std::optional<ImportItem> list = root_.Take(key);
      if (list) {
        models.Read(*list);
        break;
      }
    }
    ReadAliases(models);
    ReadPreferences(models);
    AddInlineRoutes(models);
    SettleRouter();
    SettleListeners();
    source_.ListUnused(kUnusedKeys);
    return std::move(draft_);
  }

 private:
  void ReadVersion() {
    const std::optional<ImportItem> version = root_.Take("version");
    const std::string text = version ? version->Text().value_or("") : "";
    if (!text.empty() && std::ranges::find(kVersions, text) == std::end(kVersions)) {
      version->Differs("is a version that is not known; the file was read as v0.4.0");
    }
  }

  // Listeners are a list, or before 0.3 a mapping of two.
  void ReadListeners() {
    const std::optional<ImportItem> listeners = root_.Take("listeners");
    if (!listeners) {
      return;
    }
    if (listeners->IsMap()) {
      if (const std::optional<ImportItem> egress = listeners->Take("egress_traffic")) {
        if (const std::optional<ImportItem> format = egress->Take("message_format");
            format && format->Text() != "openai") {
          format->Differs("has no equivalent: clients speak OpenAI's protocol");
        }
        ReadListener(*egress, "");
      }
      return;
    }
    for (const ImportItem& listener : listeners->Items()) {
      const std::string type = listener.TakeText("type").value_or("");
      if (type == "model" || type == "model_listener") {
        ReadListener(listener, listener.TakeText("name").value_or(""));
      } else {
        listener.LeaveOut("a listener for agents or prompt targets has no equivalent");
      }
    }
  }

  void ReadListener(const ImportItem& listener, const std::string& name) {
    const std::string address = listener.TakeText("address").value_or("0.0.0.0");
    const std::optional<ImportItem> port = listener.Take("port");
    const int64_t number = port ? port->Integer(1, 65535).value_or(kDefaultPort) : kDefaultPort;
    const bool bare_ipv6 = address.find(':') != std::string::npos && !address.starts_with('[');
    draft_.listen.push_back(
        {.text = (bare_ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(number),
         .origin = listener.origin()});
    if (number == kAdminPort) {
      draft_.admin_listen = "127.0.0.1:" + std::to_string(kAdminPort + 1);
      listener.Differs("has the port of the operator API, which moved to " + draft_.admin_listen);
    }
    if (!name.empty()) {
      draft_.listen_names += (draft_.listen_names.empty() ? "" : ", ") + Printable(name);
    }
    const std::optional<ImportItem> timeout = listener.Take("timeout");
    if (!timeout) {
      return;
    }
    const auto total = timeout->Duration();
    if (draft_.total_timeout && total && total != draft_.total_timeout) {
      timeout->Differs(
          "has no equivalent for one listener alone: the time of the first one is "
          "in providers[].timeouts.total_ms");
    } else if (total) {
      draft_.total_timeout = total;
    }
  }

  void ReadOverrides() {
    const std::optional<ImportItem> overrides = root_.Take("overrides");
    if (!overrides) {
      return;
    }
    for (const std::string_view key : {"llm_routing_model", "router_model"}) {
      TakeRouterName(*overrides, key);
    }
    if (const auto tokens = overrides->Take("orchestrator_model_context_length")) {
      max_prompt_tokens_ = tokens->Integer(256, 1'000'000);
    }
    if (const auto connect = overrides->Take("upstream_connect_timeout")) {
      draft_.connect_timeout = connect->Duration();
    }
  }

  void TakeRouterName(const ImportItem& map, std::string_view key) {
    const std::optional<ImportItem> item = map.Take(key);
    const std::optional<std::string> name = item ? item->Text() : std::nullopt;
    if (!name) {
      return;
    }
    if (!router_called_) {
      router_called_ = DraftText{.text = *name, .origin = item->origin()};
    } else if (router_called_->text != *name) {
      item->Differs("is not used: " + router_called_->origin.path + " names the router");
    }
  }

  void ReadRouting() {
    const std::optional<ImportItem> routing = root_.Take("routing");
    if (!routing) {
      return;
    }
    for (const std::string_view key : {"model_provider", "llm_provider", "model"}) {
      TakeRouterName(*routing, key);
    }
    if (const auto ttl = routing->Take("session_ttl_seconds")) {
      draft_.session_ttl_seconds = ttl->Integer(1, 2'592'000);
    }
    if (const auto entries = routing->Take("session_max_entries")) {
      draft_.session_max_entries = entries->Integer(1, 1'000'000'000);
    }
    if (const auto cache = routing->Take("session_cache")) {
      ReadSessionCache(*cache);
    }
  }

  void ReadSessionCache(const ImportItem& cache) {
    const std::optional<ImportItem> type = cache.Take("type");
    const std::string engine = type ? type->Text().value_or("") : "";
    draft_.state_in_memory = engine == "memory";
    if (type && engine != "memory") {
      type->Differs(
          "has no equivalent: pins are kept on disk, in state.path, by each gateway for "
          "itself");
    }
    if (const auto url = cache.Take("url")) {
      url->LeaveOut("has no equivalent: pins are not shared between gateways");
    }
    const std::optional<ImportItem> header = cache.Take("tenant_header");
    const std::optional<std::string> name = header ? header->Text() : std::nullopt;
    if (name && !name->empty()) {
      DraftText lower{.text = *name, .origin = header->origin()};
      std::ranges::transform(lower.text, lower.text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      draft_.tenant_header = std::move(lower);
    }
  }

  void ReadAliases(PlanoModels& models) {
    const std::optional<ImportItem> aliases = root_.Take("model_aliases");
    if (!aliases) {
      return;
    }
    // Targets are models, never other aliases: all of them are looked up first.
    std::vector<std::pair<DraftText, std::string>> found;
    for (const ImportItem& alias : aliases->Entries()) {
      const std::optional<std::string> target = alias.TakeText("target");
      const std::optional<std::string> model =
          target ? models.Resolve(*target, alias.origin()) : std::nullopt;
      if (!model) {
        alias.LeaveOut("is left out: its target is none of the models");
        continue;
      }
      const std::string text = WithReferences(alias.key()).text;
      const size_t slash = model->find('/');
      if (text != *model && (slash == std::string::npos || text != model->substr(slash + 1))) {
        found.emplace_back(DraftText{.text = text, .origin = alias.origin()}, *model);
      }
    }
    for (const auto& [alias, model] : found) {
      models.AddAlias(alias, model);
    }
  }

  void ReadPreferences(PlanoModels& models) {
    const std::optional<ImportItem> preferences = root_.Take("routing_preferences");
    if (!preferences) {
      return;
    }
    for (const ImportItem& item : preferences->Items()) {
      const std::optional<std::string> name = item.TakeText("name");
      const std::optional<ImportItem> list = item.Take("models");
      if (!name || !list) {
        item.LeaveOut("has no name or no models, so nothing was made of it");
        continue;
      }
      DraftPreference preference{.name = *name,
                                 .description = item.TakeText("description").value_or(""),
                                 .origin = item.origin()};
      for (const ImportItem& model : list->Items()) {
        const std::optional<std::string> called = model.Text();
        const auto known = called ? models.Resolve(*called, model.origin()) : std::nullopt;
        if (known) {
          preference.models.push_back({.text = *known, .origin = model.origin()});
        } else if (called) {
          model.Differs("is none of the models: the route goes without it");
        }
      }
      ReadSelection(item, preference);
      top_routes_.emplace(preference.name, draft_.preferences.size());
      draft_.preferences.push_back(std::move(preference));
    }
  }

  void ReadSelection(const ImportItem& item, DraftPreference& preference) {
    const std::optional<ImportItem> policy = item.Take("selection_policy");
    const std::optional<ImportItem> prefer = policy ? policy->Take("prefer") : std::nullopt;
    const std::string word = prefer ? prefer->Text().value_or("") : "";
    if (word == "cheapest") {
      preference.prefer = word;
      prefer->Differs("needs prices, which are not fetched: give models[].pricing");
    } else if (word == "fastest") {
      preference.prefer = word;
      prefer->Differs("goes by how soon the models' streams begin here, not by fetched figures");
    } else if (!word.empty() && word != "none") {
      prefer->Differs("has no equivalent: the models are tried in the order of the list");
    }
  }

  // Routes under model providers, the form before 0.4: equal names are one route.
  void AddInlineRoutes(const PlanoModels& models) {
    std::map<std::string, size_t> merged;
    for (const PlanoInlineRoute& route : models.inline_routes()) {
      if (top_routes_.contains(route.name)) {
        source_.Differs(route.origin,
                        "is not used: routing_preferences has a route of this name, as in Plano");
        continue;
      }
      const auto [place, is_new] = merged.try_emplace(route.name, draft_.preferences.size());
      if (is_new) {
        draft_.preferences.push_back(
            {.name = route.name, .description = route.description, .origin = route.origin});
      } else if (draft_.preferences[place->second].description != route.description) {
        source_.Differs(Origin{.path = Under(route.origin.path, "description"),
                               .position = route.origin.position},
                        "is not used: the first route of this name describes it, as in Plano");
      }
      draft_.preferences[place->second].models.push_back(
          {.text = route.model, .origin = route.origin});
    }
  }

  // Plano without a router of its own asks the one of its makers.
  void SettleRouter() {
    if (draft_.router) {
      draft_.router->max_prompt_tokens = max_prompt_tokens_;
      return;
    }
    if (draft_.preferences.empty()) {
      if (router_called_) {
        source_.Differs(router_called_->origin,
                        "is none of the models, and there is nothing to "
                        "route");
      }
      return;
    }
    const Origin origin =
        router_called_ ? router_called_->origin : draft_.preferences.front().origin;
    draft_.router =
        DraftRouter{.local = true, .max_prompt_tokens = max_prompt_tokens_, .origin = origin};
    source_.Differs(origin, std::string(kHostedRouter));
  }

  // Plano serves whoever can connect. Mainstay does so only when it is told to.
  void SettleListeners() {
    const auto open = std::ranges::find_if(draft_.listen, [](const DraftText& listen) {
      const Result<http::ListenAddress> address = http::ParseListenAddress(listen.text);
      return address && !address->loopback;
    });
    if (open == draft_.listen.end() || draft_.pass_through_auth) {
      return;
    }
    draft_.allow_anonymous = true;
    source_.Differs(open->origin,
                    "serves everyone who can connect, as before: remove server.allow_anonymous and "
                    "give callers with keys, or listen at 127.0.0.1");
  }

  ImportSource source_;
  ImportItem root_;
  Draft draft_;
  std::optional<DraftText> router_called_;
  std::optional<int64_t> max_prompt_tokens_;
  std::map<std::string, size_t> top_routes_;
};

// In the order of the file; what has no place in it comes last.
void Sort(Problems& problems) {
  std::ranges::sort(problems.list(), {}, [](const Problem& problem) {
    return std::tuple(problem.line == 0, problem.line, problem.column,
                      std::string_view(problem.path), std::string_view(problem.message));
  });
}

bool LooksLikePlano(const Node& root) {
  return std::ranges::any_of(kSections, [&](std::string_view section) {
    return root.kind == Node::Kind::kMap && root.Find(section) != nullptr;
  });
}

}  // namespace

ImportResult ImportPlano(std::string_view text, std::string_view file) {
  Problems problems;
  const std::optional<Node> root = ParseDocument(text, problems);
  if (!root) {
    return problems;
  }
  if (!LooksLikePlano(*root)) {
    problems.Add("", "is no configuration of Plano: it has neither listeners nor model_providers");
    return problems;
  }
  // What the YAML reader objects to, a key given twice for instance, it has left out.
  Imported imported{.text = "", .differences = std::move(problems)};
  Draft draft = PlanoImport(*root, imported.differences).Run();
  MakeValid(draft, imported.differences);
  Sort(imported.differences);
  const size_t count = imported.differences.list().size();
  imported.text = WriteDraft(
      draft, "Made from " + Printable(file) + " by mainstay import --from plano, which listed " +
                 std::to_string(count) + (count == 1 ? " difference." : " differences."));
  return imported;
}

}  // namespace mainstay::config
