// MakeValid of draft.h. The check is the loader itself, so that there is no second list of rules
// that would have to follow the first: what it complains about is taken out, and what hung on that
// falls in the next round.

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "config/import/draft.h"
#include "config/load.h"

namespace mainstay::config {
namespace {

// A provider takes its models along, they the routes that name them, and those the default model:
// each is a round. More rounds than this would be a mistake of ours.
constexpr int kRoundsMax = 20;

// Removes `start` from the front of the path.
bool Skip(std::string_view& path, std::string_view start) {
  if (!path.starts_with(start)) {
    return false;
  }
  path.remove_prefix(start.size());
  return true;
}

// Removes "list[7]" from the front of the path and gives the 7.
std::optional<size_t> SkipIndex(std::string_view& path, std::string_view list) {
  std::string_view rest = path;
  size_t index = 0;
  if (!Skip(rest, list) || !Skip(rest, "[")) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  if (error != std::errc() || !Skip(rest, "]")) {
    return std::nullopt;
  }
  path = rest;
  return index;
}

bool HoldsReference(const std::string& text) {
  return text.find("${") != std::string::npos;
}

// One round: the problems of the loader, turned into parts to remove. Positions in lists stay valid
// until Sweep.
class Round final {
 public:
  Round(Draft& draft, Problems& differences) : draft_(draft), differences_(differences) {}

  // False when there is nothing that could be removed because of the problem.
  bool Refuse(const Problem& problem) {
    std::string_view path = problem.path;
    if (const auto p = SkipIndex(path, "providers"); p && *p < draft_.providers.size()) {
      return RefuseProvider(*p, path, problem);
    }
    if (const auto m = SkipIndex(path, "models"); m && *m < draft_.models.size()) {
      return RefuseModel(*m, path, problem);
    }
    if (Skip(path, "routing.")) {
      return RefuseRouting(path, problem);
    }
    if (Skip(path, "server.listen") && !draft_.listen.empty()) {
      List(draft_.listen[0].origin, problem);
      draft_.listen.clear();
      return true;
    }
    return false;
  }

  void Sweep() {
    Erase(draft_.providers, providers_);
    Erase(draft_.models, models_);
    Erase(draft_.preferences, preferences_);
    for (DraftModel& model : draft_.models) {
      std::erase_if(model.aliases, [](const DraftText& alias) { return alias.text.empty(); });
    }
    for (DraftPreference& preference : draft_.preferences) {
      std::erase_if(preference.models, [](const DraftText& model) { return model.text.empty(); });
    }
  }

 private:
  void List(const Origin& origin, const Problem& problem) {
    differences_.Add(
        {.path = origin.path,
         .message = "is left out: in the result, " + problem.path + " " + problem.message,
         .line = origin.position.line,
         .column = origin.position.column});
  }

  bool RefuseProvider(size_t index, std::string_view path, const Problem& problem) {
    DraftProvider& provider = draft_.providers[index];
    if (Skip(path, ".headers")) {
      Skip(path, ".");
      List(provider.origin, problem);
      std::erase_if(provider.headers,
                    [&](const auto& header) { return path.empty() || header.first == path; });
      return true;
    }
    if (providers_.insert(index).second) {
      List(provider.origin, problem);
    }
    return true;
  }

  bool RefuseModel(size_t index, std::string_view path, const Problem& problem) {
    DraftModel& model = draft_.models[index];
    if (const auto a = SkipIndex(path, ".aliases"); a && *a < model.aliases.size()) {
      List(model.aliases[*a].origin, problem);
      model.aliases[*a].text.clear();
    } else if (models_.insert(index).second) {
      List(model.origin, problem);
    }
    return true;
  }

  bool RefuseRouting(std::string_view path, const Problem& problem) {
    if (const auto p = SkipIndex(path, "preferences"); p && *p < draft_.preferences.size()) {
      DraftPreference& preference = draft_.preferences[*p];
      if (const auto m = SkipIndex(path, ".models"); m && *m < preference.models.size()) {
        List(preference.models[*m].origin, problem);
        preference.models[*m].text.clear();
      } else if (preferences_.insert(*p).second) {
        List(preference.origin, problem);
      }
      return true;
    }
    if (const auto a = SkipIndex(path, "auto_models"); a && *a < draft_.auto_models.size()) {
      List({}, problem);
      draft_.auto_models.erase(draft_.auto_models.begin() + static_cast<ptrdiff_t>(*a));
      return true;
    }
    if (path == "default_model" && draft_.default_model) {
      List(draft_.default_model->origin, problem);
      draft_.default_model.reset();
      return true;
    }
    if (path == "tenant_header" && draft_.tenant_header) {
      List(draft_.tenant_header->origin, problem);
      draft_.tenant_header.reset();
      return true;
    }
    if (path.starts_with("router") && draft_.router) {
      List(draft_.router->origin, problem);
      draft_.router = DraftRouter{.local = true, .origin = draft_.router->origin};
      return true;
    }
    return false;
  }

  template <typename Item>
  static void Erase(std::vector<Item>& items, const std::set<size_t>& indices) {
    std::for_each(indices.rbegin(), indices.rend(), [&](size_t index) {
      items.erase(items.begin() + static_cast<ptrdiff_t>(index));
    });
  }

  Draft& draft_;
  Problems& differences_;
  std::set<size_t> providers_;
  std::set<size_t> models_;
  std::set<size_t> preferences_;
};

// Addresses that depend on a variable can be judged only where the variable is set.
bool DependsOnVariable(const Draft& draft, const Problem& problem) {
  std::string_view path = problem.path;
  if (path == "routing.router.base_url") {
    return draft.router && HoldsReference(draft.router->base_url);
  }
  const auto p = SkipIndex(path, "providers");
  return p && *p < draft.providers.size() && path == ".base_url" &&
         HoldsReference(draft.providers[*p].base_url);
}

// Whether the round removed something.
bool RunRound(Draft& draft, Problems& differences, const Sources& sources) {
  const LoadResult result = LoadText(WriteDraft(draft, ""), sources);
  const auto* problems = std::get_if<Problems>(&result);
  if (problems == nullptr) {
    return false;
  }
  Round round(draft, differences);
  bool removed = false;
  for (const Problem& problem : problems->list()) {
    if (!DependsOnVariable(draft, problem) && round.Refuse(problem)) {
      removed = true;
    }
  }
  round.Sweep();
  return removed;
}

}  // namespace

void MakeValid(Draft& draft, Problems& differences) {
  // Every variable has a value, and no two the same one, so that only texts clash that are equal.
  const Sources sources{.environment = [](const std::string& name) -> std::optional<std::string> {
                          return "http://variable/" + name;
                        },
                        .read_file = [](const std::string&, size_t) -> Result<std::string> {
                          return Error{.message = "is not read"};
                        },
                        .salt = ""};
  for (int round = 0; round < kRoundsMax && RunRound(draft, differences, sources); ++round) {
  }
}

}  // namespace mainstay::config
