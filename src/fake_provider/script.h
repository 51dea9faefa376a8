#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/problems.h"
#include "fake_provider/action.h"
#include "fake_provider/incoming.h"

namespace mainstay::fake_provider {

// Which requests a rule is for. What is empty or 0 asks for nothing.
struct Match {
  std::string account;  // the alias, or the key itself
  std::string model;
  std::string path;      // how the path ends: /embeddings
  std::string contains;  // within the last user message
  int64_t nth = 0;       // the n-th request, from 1, of those that all else here fits

  friend bool operator==(const Match&, const Match&) = default;
};

// One request, for scripts. The views hold as long as the call.
struct Question {
  std::string_view account;
  std::string_view key;
  std::string_view path;
  int64_t number = 0;  // of all requests, from 1
  const Incoming& request;
};

// What is done with the requests of one Match. The last call of Do, Sequence, By and their short
// forms holds. With nothing set the answer is the default one.
class Rule final {
 public:
  explicit Rule(Match match) : match_(std::move(match)) {}

  Rule& Do(Action action) { return Sequence({std::move(action)}); }
  // One action per request, in order; the last one stays.
  Rule& Sequence(std::vector<Action> actions);
  // The function says what to do with each request.
  Rule& By(std::function<Action(const Question&)> function);

  Rule& Reply(std::string text) { return Do({.text = std::move(text)}); }
  Rule& Error(int status, Headers headers = {}) {
    return Do({.status = status, .headers = std::move(headers)});
  }
  // Breaks the connection before the status line.
  Rule& Reset() { return Do({.end = Ending::kReset}); }
  Rule& Hang() { return Do({.end = Ending::kHang}); }
  Rule& Raw(std::string bytes) { return Do({.raw = std::move(bytes)}); }

  const Match& match() const { return match_; }
  // How many requests this rule has answered.
  int64_t used() const { return used_; }

 private:
  friend class Script;

  // Whether the rule is for this request; counts it for `nth`.
  bool Fits(const Question& question);
  int Conditions() const;
  Action Next(const Question& question);

  Match match_;
  std::vector<Action> actions_;
  size_t at_ = 0;
  std::function<Action(const Question&)> function_;
  int64_t fitted_ = 0;
  int64_t used_ = 0;
};

// The rules of a provider. Of those that fit a request, the one with the most conditions is taken,
// and of equals the one that stands first. One thread.
class Script final {
 public:
  // The rule of this match, which is made when there is none; it lives as long as the script.
  Rule& On(Match match);

  // What to do with a request. Counts it.
  Action Choose(const Question& question);

  bool empty() const { return rules_.empty(); }
  size_t size() const { return rules_.size(); }

 private:
  std::vector<std::unique_ptr<Rule>> rules_;
};

// Reads a script file (docs/fake_provider.md): {"rules": [{"match": {...}, "actions": [...]}]}.
// Adds all problems; with any of them the script is not to be used.
Script ReadScript(std::string_view text, Problems& problems);

}  // namespace mainstay::fake_provider
