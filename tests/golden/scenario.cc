#include "golden/scenario.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace mainstay::golden {
namespace {

struct Place {
  std::string_view file;
  int line = 0;

  std::string Text() const { return std::string(file) + ":" + std::to_string(line); }
  [[noreturn]] void Fail(std::string_view what, std::string_view word) const {
    std::fprintf(stderr, "%s: %.*s: %.*s\n", Text().c_str(), static_cast<int>(what.size()),
                 what.data(), static_cast<int>(word.size()), word.data());
    std::abort();
  }
};

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  return begin == std::string_view::npos
             ? ""
             : text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

// Takes the first word off the text.
std::string_view TakeWord(std::string_view& text) {
  text = Trimmed(text);
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text = Trimmed(text.substr(word.size()));
  return word;
}

using Setting = std::pair<std::string_view, std::string_view>;

std::vector<Setting> TakeSettings(std::string_view text, const Place& place) {
  std::vector<Setting> settings;
  while (!text.empty()) {
    const std::string_view word = TakeWord(text);
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      place.Fail("expected name=value", word);
    }
    settings.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return settings;
}

void GivenProvider(std::string_view rest, const Place& place, Scenario& out) {
  ProviderOptions provider{.name = std::string(TakeWord(rest))};
  AccountOptions account;
  for (const auto& [name, value] : TakeSettings(rest, place)) {
    if (name == "url") {
      provider.endpoints.emplace_back(value);
    } else if (name == "account") {
      account.alias = value;
    } else if (name == "enabled") {
      account.enabled = value != "no";
    } else if (name == "serves") {
      account.models.emplace_back(value);
    } else {
      place.Fail("unknown setting of a provider", name);
    }
  }
  if (provider.endpoints.size() == 1) {
    provider.base_url = std::move(provider.endpoints[0]);
    provider.endpoints.clear();
  }
  if (!account.alias.empty()) {
    provider.accounts.push_back(std::move(account));
  }
  out.catalog.providers.push_back(std::move(provider));
}

void GivenModel(std::string_view rest, const Place& place, Scenario& out) {
  ModelOptions model{.name = std::string(TakeWord(rest))};
  model.provider = model.name.substr(0, model.name.find('/'));
  for (const auto& [name, value] : TakeSettings(rest, place)) {
    if (name == "provider") {
      model.provider = value;
    } else if (name == "upstream") {
      model.upstream_name = value;
    } else if (name == "alias") {
      model.aliases.emplace_back(value);
    } else {
      place.Fail("unknown setting of a model", name);
    }
  }
  out.catalog.models.push_back(std::move(model));
}

void GivenCaller(std::string_view rest, const Place& place, Scenario& out) {
  identity::CallerOptions caller{.name = std::string(TakeWord(rest))};
  caller.keys.emplace_back("key-" + caller.name);
  caller.allow_models.clear();
  for (const auto& [name, value] : TakeSettings(rest, place)) {
    if (name != "allow") {
      place.Fail("unknown setting of a caller", name);
    }
    caller.allow_models.emplace_back(value);
  }
  if (caller.allow_models.empty()) {
    caller.allow_models.emplace_back("*");
  }
  out.identity.callers.push_back(std::move(caller));
}

void GivenOptions(std::string_view rest, const Place& place, Scenario& out) {
  for (const auto& [name, value] : TakeSettings(rest, place)) {
    if (name == "default_model") {
      out.decision.default_model = value;
    } else if (name == "unknown_model" && (value == "default" || value == "reject")) {
      out.decision.unknown_model =
          value == "default" ? decision::UnknownModel::kDefault : decision::UnknownModel::kReject;
    } else {
      place.Fail("unknown option or value", name);
    }
  }
}

void Given(std::string_view rest, const Place& place, Scenario& out) {
  const std::string_view what = TakeWord(rest);
  if (what == "provider") {
    GivenProvider(rest, place, out);
  } else if (what == "model") {
    GivenModel(rest, place, out);
  } else if (what == "caller") {
    GivenCaller(rest, place, out);
  } else if (what == "option") {
    GivenOptions(rest, place, out);
  } else {
    place.Fail("nobody can be given", what);
  }
}

void When(std::string_view rest, const Place& place, Scenario& out) {
  if (const std::string_view what = TakeWord(rest); what != "request") {
    place.Fail("expected 'when request'", what);
  }
  for (const auto& [name, value] : TakeSettings(rest, place)) {
    if (name == "model") {
      out.model = value;
    } else if (name == "key") {
      out.key = value;
    } else if (name == "turn") {
      out.turn = std::strtoull(std::string(value).c_str(), nullptr, 10);
    } else {
      place.Fail("unknown setting of a request", name);
    }
  }
}

std::string TestName(std::string_view file, std::string_view title) {
  std::string name(file.substr(0, file.find('.')));
  name += "_";
  for (const char c : title) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

// Reads line by line; what stands before the first case is the beginning of each.
class FileReader final {
 public:
  explicit FileReader(std::string_view file) : place_{.file = file} {}

  std::vector<Case> Read(std::string_view text) {
    while (!text.empty()) {
      std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      ++place_.line;
      line = Trimmed(line.substr(0, line.find('#')));
      if (!line.empty()) {
        ReadLine(line);
      }
    }
    CheckLast();
    return std::move(cases_);
  }
  const Scenario& shared() const { return shared_; }

 private:
  void ReadLine(std::string_view line) {
    std::string_view rest = line;
    std::string_view keyword = TakeWord(rest);
    keyword = keyword == "and" ? last_ : keyword;
    Scenario& scenario = cases_.empty() ? shared_ : cases_.back().scenario;
    if (keyword == "case") {
      CheckLast();
      cases_.push_back(
          {.name = TestName(place_.file, rest), .place = place_.Text(), .scenario = shared_});
    } else if (keyword == "given") {
      Given(rest, place_, scenario);
    } else if (keyword == "when") {
      When(rest, place_, scenario);
    } else if (keyword == "then" && !cases_.empty()) {
      std::string& then = cases_.back().then;
      then += (then.empty() ? "" : " ; ") + std::string(rest);
    } else {
      place_.Fail("unknown line", line);
    }
    last_ = keyword;
  }

  void CheckLast() const {
    if (!cases_.empty() && cases_.back().then.empty()) {
      place_.Fail("the case before has no 'then'", cases_.back().name);
    }
  }

  Place place_;
  std::string_view last_;
  Scenario shared_;
  std::vector<Case> cases_;
};

}  // namespace

std::vector<Case> ReadCases(std::string_view file, std::string_view text) {
  return FileReader(file).Read(text);
}

std::string Record(const Scenario& scenario) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) {
      text += " " + std::string(name) + "=" + std::string(value);
    }
  };
  for (const ProviderOptions& provider : scenario.catalog.providers) {
    text += "given provider " + provider.name;
    add("url", provider.base_url);
    for (const std::string& url : provider.endpoints) {
      add("url", url);
    }
    for (const AccountOptions& account : provider.accounts) {
      add("account", account.alias);
      add("enabled", account.enabled ? "yes" : "no");
      for (const std::string& model : account.models) {
        add("serves", model);
      }
    }
    text += "\n";
  }
  for (const ModelOptions& model : scenario.catalog.models) {
    text += "given model " + model.name;
    add("provider", model.provider);
    add("upstream", model.upstream_name);
    for (const std::string& alias : model.aliases) {
      add("alias", alias);
    }
    text += "\n";
  }
  for (const identity::CallerOptions& caller : scenario.identity.callers) {
    text += "given caller " + caller.name;
    for (const std::string& pattern : caller.allow_models) {
      add("allow", pattern);
    }
    text += "\n";
  }
  text += "given option";
  add("default_model", scenario.decision.default_model);
  add("unknown_model",
      scenario.decision.unknown_model == decision::UnknownModel::kDefault ? "default" : "reject");
  text += "\nwhen request";
  add("model", scenario.model);
  add("key", scenario.key);
  add("turn", std::to_string(scenario.turn));
  return text + "\n";
}

Scenario ReadRecord(std::string_view text) {
  FileReader reader("record");
  reader.Read(text);
  return reader.shared();
}

}  // namespace mainstay::golden
