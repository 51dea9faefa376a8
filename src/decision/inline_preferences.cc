#include "decision/inline_preferences.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/json_reader.h"

namespace mainstay::decision {
namespace {

using json::KeyEquals;
using json::StringToken;
using json::Type;

constexpr size_t kPreferencesMax = 256;
constexpr size_t kDescriptionBytesMax = 16 << 10;

class InlineReader final {
 public:
  InlineReader(std::string_view text, const Catalog& catalog, const CallerView& caller)
      : reader_(text), catalog_(catalog), caller_(caller) {}

  Result<std::vector<PreferenceOptions>> Run() {
    if (reader_.Peek() != Type::kArray) {
      return Wrong("must be a list of preferences");
    }
    std::vector<PreferenceOptions> list;
    reader_.EnterArray();
    while (reader_.NextElement()) {
      if (list.size() == kPreferencesMax) {
        path_.clear();
        return Wrong("has more than " + std::to_string(kPreferencesMax) + " entries");
      }
      path_ = "[" + std::to_string(list.size()) + "]";
      PreferenceOptions& preference = list.emplace_back();
      ReadOne(preference);
      if (!error_) {
        Check(preference);
      }
      const auto earlier = std::span(list).first(list.size() - 1);
      if (!error_ && std::ranges::find(earlier, preference.route.name, NameOf) != earlier.end()) {
        Fail("has the name of an earlier one");
      }
      if (error_) {
        return std::move(*error_);
      }
    }
    if (list.empty()) {
      return Wrong("must have at least one entry");
    }
    return list;
  }

 private:
  Error Wrong(std::string_view what) const {
    const std::string field = "routing_preferences" + path_;
    return {.kind = ErrorKind::kInvalidField,
            .side = Side::kClient,
            .message = "'" + field + "' " + std::string(what),
            .param = field};
  }
  void Fail(std::string_view what) {
    if (!error_) {
      error_ = Wrong(what);
    }
  }

  void ReadText(std::string& out, std::string_view key) {
    StringToken token;
    if (reader_.Peek() == Type::kString && reader_.ReadString(token)) {
      out.clear();
      json::AppendValue(token, out);
    } else {
      reader_.SkipValue();
      Fail(std::string("has a ") + std::string(key) + " that is no text");
    }
  }

  void ReadOne(PreferenceOptions& out) {
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      Fail("must be an object with name, description and models");
      return;
    }
    reader_.EnterObject();
    StringToken key;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "name")) {
        ReadText(out.route.name, "name");
      } else if (KeyEquals(key, "description")) {
        ReadText(out.route.description, "description");
      } else if (KeyEquals(key, "models")) {
        ReadModels(out.models);
      } else if (KeyEquals(key, "selection_policy")) {
        ReadPolicy(out.prefer);
      } else {
        reader_.SkipValue();
        Fail("has a key that is none of name, description, models and selection_policy");
      }
    }
  }

  void ReadModels(std::vector<std::string>& out) {
    if (reader_.Peek() != Type::kArray) {
      reader_.SkipValue();
      Fail("needs 'models', a list of model names");
      return;
    }
    reader_.EnterArray();
    while (reader_.NextElement()) {
      ReadText(out.emplace_back(), "model");
    }
  }

  void ReadPolicy(Prefer& out) {
    if (reader_.Peek() != Type::kObject) {
      reader_.SkipValue();
      Fail("has a selection_policy that is no object");
      return;
    }
    reader_.EnterObject();
    StringToken key;
    std::string prefer;
    while (reader_.NextMember(key)) {
      if (KeyEquals(key, "prefer")) {
        ReadText(prefer, "prefer");
      } else {
        reader_.SkipValue();
        Fail("has a key in its selection_policy that is not 'prefer'");
      }
    }
    if (prefer == "cheapest") {
      out = Prefer::kCheapest;
    } else if (prefer == "fastest") {
      out = Prefer::kFastest;
    } else if (!prefer.empty() && prefer != "none") {
      Fail("has a selection_policy that is none of none, cheapest and fastest");
    }
  }

  static const std::string& NameOf(const PreferenceOptions& preference) {
    return preference.route.name;
  }

  void Check(const PreferenceOptions& preference) {
    if (preference.route.name.empty()) {
      Fail("needs a 'name'");
    } else if (const std::string_view problem = ProblemOfName(preference.route.name);
               !problem.empty()) {
      Fail("has a name that " + std::string(problem));
    } else if (preference.route.description.size() > kDescriptionBytesMax) {
      Fail("has a description of more than " + std::to_string(kDescriptionBytesMax) + " bytes");
    } else if (preference.models.empty()) {
      Fail("needs 'models', a list of model names");
    }
    for (const std::string& name : preference.models) {
      const Model* const model = catalog_.Find(name);
      if (model == nullptr) {
        Fail("names the model '" + name + "', which is not configured here");
      } else if (!caller_.Allows(model->name)) {
        Fail("names the model '" + name + "', which this key may not use");
      }
    }
  }

  json::Reader reader_;
  const Catalog& catalog_;
  const CallerView& caller_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<PreferenceOptions>> ReadInlinePreferences(std::string_view json,
                                                             const Catalog& catalog,
                                                             const CallerView& caller) {
  return InlineReader(json, catalog, caller).Run();
}

}  // namespace mainstay::decision
