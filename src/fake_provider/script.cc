#include "fake_provider/script.h"

#include <utility>

#include "base/json_reader.h"
#include "base/suggest.h"
#include "fake_provider/padded.h"

namespace mainstay::fake_provider {

using json::KeyEquals;
using json::Reader;
using json::StringToken;
using json::Type;

Rule& Rule::Sequence(std::vector<Action> actions) {
  actions_ = std::move(actions);
  at_ = 0;
  function_ = nullptr;
  return *this;
}

Rule& Rule::By(std::function<Action(const Question&)> function) {
  actions_.clear();
  function_ = std::move(function);
  return *this;
}

bool Rule::Fits(const Question& question) {
  const bool account = match_.account.empty() || match_.account == question.account ||
                       match_.account == question.key;
  const bool rest = (match_.model.empty() || match_.model == question.request.model) &&
                    (match_.path.empty() || question.path.ends_with(match_.path)) &&
                    (match_.contains.empty() ||
                     question.request.last_user.find(match_.contains) != std::string::npos);
  if (!account || !rest) {
    return false;
  }
  ++fitted_;
  return match_.nth == 0 || match_.nth == fitted_;
}

int Rule::Conditions() const {
  return (match_.account.empty() ? 0 : 1) + (match_.model.empty() ? 0 : 1) +
         (match_.path.empty() ? 0 : 1) + (match_.contains.empty() ? 0 : 1) +
         (match_.nth == 0 ? 0 : 1);
}

Action Rule::Next(const Question& question) {
  ++used_;
  if (function_) {
    return function_(question);
  }
  if (actions_.empty()) {
    return {};
  }
  const size_t now = at_;
  at_ = std::min(at_ + 1, actions_.size() - 1);
  return actions_[now];
}

Rule& Script::On(Match match) {
  for (const std::unique_ptr<Rule>& rule : rules_) {
    if (rule->match() == match) {
      return *rule;
    }
  }
  rules_.push_back(std::make_unique<Rule>(std::move(match)));
  return *rules_.back();
}

Action Script::Choose(const Question& question) {
  Rule* best = nullptr;
  for (const std::unique_ptr<Rule>& rule : rules_) {
    // Every rule sees every request, or `nth` would depend on the other rules.
    if (rule->Fits(question) && (best == nullptr || rule->Conditions() > best->Conditions())) {
      best = rule.get();
    }
  }
  return best != nullptr ? best->Next(question) : Action{};
}

namespace {

constexpr std::string_view kTopKeys[] = {"rules"};
constexpr std::string_view kRuleKeys[] = {"match", "actions"};
constexpr std::string_view kMatchKeys[] = {"account", "model", "path", "contains", "nth"};

std::string KeyText(const StringToken& key) {
  std::string text;
  json::AppendValue(key, text);
  return text;
}

class ScriptReader final {
 public:
  ScriptReader(std::string_view text, Problems& problems) : reader_(text), problems_(problems) {}

  Script Run() {
    Script script;
    if (Object("")) {
      StringToken key;
      while (reader_.NextMember(key)) {
        if (KeyEquals(key, "rules")) {
          ReadRules(script);
        } else {
          Unknown("", key, kTopKeys);
        }
      }
    }
    if (!reader_.Finish()) {
      problems_.Add("", "is not JSON: " + std::string(reader_.problem().what) + " at byte " +
                            std::to_string(reader_.problem().offset));
    }
    return script;
  }

 private:
  // Whether an object or list was entered; if not, the value is reported and passed.
  bool Object(std::string_view path) {
    return reader_.Peek() == Type::kObject ? reader_.EnterObject() : Wrong(path, "an object");
  }
  bool List(std::string_view path) {
    return reader_.Peek() == Type::kArray ? reader_.EnterArray() : Wrong(path, "a list");
  }
  bool Wrong(std::string_view path, std::string_view wanted) {
    // A text that is no JSON at all is reported once, at the end.
    if (reader_.SkipValue()) {
      problems_.Add(std::string(path), "must be " + std::string(wanted));
    }
    return false;
  }

  void Unknown(std::string_view path, const StringToken& key,
               std::span<const std::string_view> known) {
    const std::string name = KeyText(key);
    problems_.Add(Under(path, name), "unknown key" + DidYouMean(name, known));
    reader_.SkipValue();
  }

  void ReadRules(Script& script) {
    if (!List("rules")) {
      return;
    }
    for (size_t i = 0; reader_.NextElement(); ++i) {
      ReadRule(At("rules", i), script);
    }
  }

  void ReadRule(const std::string& path, Script& script) {
    Match match;
    std::vector<Action> actions;
    if (!Object(path)) {
      return;
    }
    StringToken key;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "match")) {
        match = ReadMatch(Under(path, "match"));
      } else if (KeyEquals(key, "actions")) {
        actions = ReadActions(Under(path, "actions"));
      } else {
        Unknown(path, key, kRuleKeys);
      }
    }
    const size_t before = script.size();
    Rule& rule = script.On(std::move(match));
    if (script.size() == before) {
      problems_.Add(path, "a rule before has the same match");
    }
    rule.Sequence(std::move(actions));
  }

  Match ReadMatch(const std::string& path) {
    Match match;
    if (!Object(path)) {
      return match;
    }
    StringToken key;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "account")) {
        ReadText(Under(path, "account"), match.account);
      } else if (KeyEquals(key, "model")) {
        ReadText(Under(path, "model"), match.model);
      } else if (KeyEquals(key, "path")) {
        ReadText(Under(path, "path"), match.path);
      } else if (KeyEquals(key, "contains")) {
        ReadText(Under(path, "contains"), match.contains);
      } else if (KeyEquals(key, "nth")) {
        ReadNth(Under(path, "nth"), match.nth);
      } else {
        Unknown(path, key, kMatchKeys);
      }
    }
    return match;
  }

  void ReadText(const std::string& path, std::string& out) {
    StringToken token;
    if (reader_.Peek() != Type::kString) {
      Wrong(path, "a text");
    } else if (reader_.ReadString(token)) {
      json::AppendValue(token, out);
    }
  }

  void ReadNth(const std::string& path, int64_t& out) {
    std::string_view raw;
    if (reader_.Peek() != Type::kNumber) {
      Wrong(path, "a number from 1");
    } else if (reader_.ReadNumber(raw)) {
      const Padded padded(raw);
      Reader number(padded.view());
      if (!number.ReadInt64(out) || out < 1) {
        problems_.Add(path, "must be a number from 1");
      }
    }
  }

  std::vector<Action> ReadActions(const std::string& path) {
    std::vector<Action> actions;
    if (!List(path)) {
      return actions;
    }
    for (size_t i = 0; reader_.NextElement(); ++i) {
      ReadAction(At(path, i), actions.emplace_back());
    }
    return actions;
  }

  void ReadAction(const std::string& path, Action& action) {
    if (!Object(path)) {
      return;
    }
    StringToken key;
    std::string_view value;
    while (reader_.NextMember(key)) {
      const std::string name = KeyText(key);
      if (!reader_.SkipValue(&value)) {
        return;
      }
      const Result<void> set = SetField(action, name, value);
      if (!set) {
        problems_.Add(Under(path, name), set.error().message);
      }
    }
  }

  Reader reader_;
  Problems& problems_;
};

}  // namespace

Script ReadScript(std::string_view text, Problems& problems) {
  const Padded padded(text);
  return ScriptReader(padded.view(), problems).Run();
}

}  // namespace mainstay::fake_provider
