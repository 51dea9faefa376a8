#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "admin/sessions_api.h"
#include "base/check.h"
#include "base/hash128.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "session/memory_store.h"

namespace mainstay::admin {

inline constexpr std::string_view kBig = "openai/big";
inline constexpr std::string_view kCoder = "acme/coder";
inline constexpr std::string_view kNoHash = "00000000000000000000000000000000";

inline bool IsHash(std::string_view text) {
  SessionKey key;
  return ParseSessionKey(text, key);
}

inline CatalogOptions Models() {
  CatalogOptions options;
  for (const std::string name : {"openai", "acme"}) {
    options.providers.push_back({.name = name, .base_url = "http://10.0.0.1:80/v1"});
  }
  options.models = {{.name = std::string(kBig), .provider = "openai"},
                    {.name = std::string(kCoder), .provider = "acme", .aliases = {"code"}}};
  return options;
}

// The calls about sessions over tables that a test fills. `Json` is how it reads the answers:
// nlohmann::json.
template <typename Json>
class SessionsWorld {
 public:
  SessionKey Key(std::string_view id, std::string_view caller = "anonymous",
                 std::string_view tenant = "") const {
    return ids.KeyOf(caller, tenant, id);
  }
  std::string Hash(const SessionKey& key) const {
    const SessionKeyText text = TextOf(key);
    return {text.data(), text.size()};
  }
  // A session that was pinned in the usual way, and its hash.
  std::string Start(std::string_view id, std::string_view model = kCoder,
                    std::string_view caller = "anonymous", std::string_view tenant = "") {
    const SessionKey key = Key(id, caller, tenant);
    const session::PinTable::Recalled first = pins.Recall(key, rules, clock.Now());
    const PinOutcome outcome = pins.Commit(
        first.seat,
        {.model = model, .decision = "code", .caller = caller, .source = "header:x-session-id"},
        rules, clock.Now());
    MS_CHECK(outcome == PinOutcome::kSet);
    return Hash(key);
  }
  // One exchange in a conversation of the session, or in one without an id. Which one is decided by
  // its first word; a word that was not said before in its place begins a branch. Gives the hash of
  // the session.
  struct Said {
    std::string_view id;  // empty: none
    std::string_view words;
    std::string_view caller = "anonymous";
    std::string_view model = kCoder;
    std::string_view system = "S";
    bool tools = true;
    bool vtc = false;
  };
  std::string Talk(const Said& said) {
    History history{.links = {}, .system = HashOf(said.system, 1).low, .has_tools = said.tools};
    uint32_t messages = 0;
    const auto add = [&](std::string_view text, LinkRole role) {
      history.links.push_back({.digest = HashOf(text, 2),
                               .text_bytes = static_cast<uint32_t>(text.size()),
                               .messages = ++messages,
                               .role = role});
    };
    const auto reply_to = [](std::string_view words) { return "re: " + std::string(words); };
    for (size_t end = 0; end != std::string_view::npos;) {
      const size_t begin = end == 0 ? 0 : end + 1;
      end = said.words.find(' ', begin);
      if (messages > 0) {
        add(reply_to(said.words.substr(0, begin - 1)), LinkRole::kAssistant);
      }
      add(said.words.substr(begin, end - begin), LinkRole::kUser);
    }
    session::Conversations::Question question{.scope = HashOf(said.caller, 3),
                                              .history = &history,
                                              .caller = said.caller,
                                              .session = {},
                                              .source = "header:x-session-id",
                                              .named = {},
                                              .vtc = said.vtc};
    if (!said.id.empty()) {
      question.session = Key(said.id, said.caller);
    }
    session::Conversations::Place place;
    conversations.Find(question, continuity, clock.Now(), random, place);
    const std::string hash = Hash(place.session());
    const Link reply{.digest = HashOf(reply_to(said.words), 2),
                     .text_bytes = 40,
                     .messages = 1,
                     .role = LinkRole::kAssistant};
    conversations.Commit(place, question,
                         {.reply = &reply,
                          .model = said.model,
                          .prompt_tokens = 100,
                          .completion_tokens = 10,
                          .cost_nano = 1'250'000},
                         continuity, clock.Now());
    return hash;
  }
  void Configure(std::initializer_list<std::string> names) {
    for (const std::string& name : names) {
      callers.emplace_back().name = name;
    }
  }

  // Each answer as JSON with its status beside it.
  static Json Read(const Answer& answer) {
    Json read = Json::parse(answer.body);
    read["status"] = answer.status;
    return read;
  }
  Json List(std::string_view query = "") { return Read(api.List({.query = query})); }
  Json Show(std::string_view id) { return Read(api.Show({.id = id})); }
  Json Delete(std::string_view id) { return Read(api.Delete({.id = id})); }
  Json DeleteMany(std::string_view query) { return Read(api.DeleteMany({.query = query})); }
  Json Unpin(std::string_view id) { return Read(api.Unpin({.id = id})); }
  Json Pin(std::string_view id, std::string_view body) {
    return Read(api.Pin({.body = Padded(body), .id = id}));
  }
  Json SetVtc(std::string_view id, std::string_view body) {
    return Read(api.SetVtc({.body = Padded(body), .id = id}));
  }
  Json Lookup(std::string_view body) { return Read(api.Lookup({.body = Padded(body)})); }
  std::string_view Padded(std::string_view text) {
    padded = std::string(text) + std::string(json::kPadding, '"');
    return std::string_view(padded).substr(0, text.size());
  }

  static std::vector<std::string> Hashes(const Json& page) {
    std::vector<std::string> hashes;
    for (const Json& row : page.at("sessions")) {
      hashes.push_back(row.at("sessionId"));
    }
    return hashes;
  }
  PolicyClock clock{PolicyClock::Mode::kTest};
  std::unique_ptr<session::StateStore> store = session::MakeMemoryStore();
  session::PinOptions rules;
  identity::SessionIds ids{{}, store->install_key()};
  Catalog catalog{Models()};
  std::vector<identity::CallerOptions> callers;
  session::ContinuityOptions continuity;
  Random random{5};
  session::PinTable pins{*store, rules, clock.Now()};
  session::Conversations conversations{*store, continuity, clock.Now()};
  session::Aliases aliases{*store, continuity, clock.Now()};
  SessionsApi api{{.pins = pins,
                   .conversations = conversations,
                   .aliases = aliases,
                   .clock = clock,
                   .settings = [this] {
                     return SessionSettings{.pins = rules,
                                            .continuity = continuity,
                                            .catalog = catalog,
                                            .ids = ids,
                                            .callers = callers};
                   }}};
  std::string padded;
};

}  // namespace mainstay::admin
