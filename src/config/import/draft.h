#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/problems.h"
#include "config/import/source.h"

namespace mainstay::config {

// A Mainstay configuration while it is put together: only what the other system's file says
// something about, as texts that may hold references to variables, and where each part came from.
// Secrets never get in here, only references to them.

struct DraftText {
  std::string text;
  Origin origin;
};

struct DraftProvider {
  std::string name;
  std::string base_url;
  std::string api_key;  // empty: no account
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::chrono::milliseconds> connect;
  Origin origin;
};

struct DraftModel {
  std::string name;
  std::string provider;
  std::string upstream_name;  // empty: the part of the name after the first "/"
  std::vector<DraftText> aliases;
  std::optional<int64_t> context_window;
  Origin origin;
};

struct DraftPreference {
  std::string name;
  std::string description;
  std::vector<DraftText> models;
  std::string prefer;  // which model comes first; empty: the first of the list
  Origin origin;
};

struct DraftRouter {
  bool local = false;  // the classifier in the process; otherwise the model named here
  std::string base_url;
  std::string model;
  std::string api_key;  // empty: none
  std::optional<int64_t> max_prompt_tokens;
  Origin origin;
};

struct Draft {
  std::vector<DraftText> listen;
  std::string listen_names;  // what the other system calls the listeners, for a comment
  std::string admin_listen;  // empty: as it is
  bool allow_anonymous = false;
  bool pass_through_auth = false;
  std::optional<std::chrono::milliseconds> total_timeout;    // of every provider
  std::optional<std::chrono::milliseconds> connect_timeout;  // of every provider without its own
  std::vector<DraftProvider> providers;
  std::vector<DraftModel> models;
  std::optional<DraftText> default_model;
  std::vector<std::string> auto_models = {"auto", "mainstay/auto"};
  std::vector<DraftPreference> preferences;
  std::optional<DraftRouter> router;
  std::optional<int64_t> session_ttl_seconds;
  std::optional<int64_t> session_max_entries;
  std::optional<DraftText> tenant_header;
  bool state_in_memory = false;
};

// The configuration as YAML. `title` becomes a comment in front.
std::string WriteDraft(const Draft& draft, const std::string& title);

// Takes out of the draft what Mainstay would refuse, until `mainstay check` has nothing to say but
// that variables are not set, and lists each piece as a difference.
void MakeValid(Draft& draft, Problems& differences);

}  // namespace mainstay::config
