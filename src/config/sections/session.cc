#include "config/kinds.h"
#include "config/sections/sections.h"

namespace mainstay::config {
namespace {

const Table<session::ContinuityOptions>& ContinuityTable() {
  using S = session::ContinuityOptions;
  static const Table<S> table =
      Table<S>()
          .Key("enabled", &S::enabled, Boolean(),
               "Whether conversations without an id are recognised by their messages.")
          .Key("fuzzy_matching", &S::fuzzy_matching, Boolean(),
               "Whether a conversation is also recognised when its beginning was cut off or "
               "summarised. A history that only grows is recognised in any case.")
          .Key("max_session_age_seconds", &S::age_max, Seconds({.min = 1}),
               "How long a conversation is remembered after its last use.")
          .Key("fingerprint_message_count", &S::fingerprint_message_count,
               Integer({.min = 2, .max = 64}),
               "Newest messages that a conversation whose beginning is gone can be found by. More "
               "are more precise and forgive less.")
          .Key("client_key_includes_ip", &S::client_key_includes_ip, Boolean(),
               "Whether the client's address helps to choose among conversations that match "
               "equally well. It never joins or splits any by itself.")
          .Key("max_conversations", &S::conversations_max,
               Integer({.min = 1, .max = 1'000'000'000}),
               "Most conversations that are remembered; the one that was used least recently gives "
               "way.");
  return table;
}

const Table<session::ContinuityOptions>& FuzzyTable() {
  using S = session::ContinuityOptions;
  static const Table<S> table =
      Table<S>().Key("min_run", &S::run_min, Integer({.min = 1, .max = 16}),
                     "So many messages in a row must be the same. At most "
                     "`session_continuity.fingerprint_message_count`.");
  return table;
}

}  // namespace

const Table<gateway::Options>& SessionTable() {
  using S = gateway::Options;
  static const Table<S> table =
      Table<S>()
          .Key("session_continuity", &S::continuity, Section(ContinuityTable()),
               "Recognising conversations by their messages.")
          .Key("fuzzy", &S::continuity, Section(FuzzyTable()),
               "What `session_continuity.fuzzy_matching` wants to see.")
          .Key(
              "retry_window_ms", [](auto& o) -> auto& { return o.continuity.retry_window; },
              Milliseconds({.min = 0}),
              "For so long after a request the same one again is taken for a retry.")
          .Key(
              "identity_sources", [](auto& o) -> auto& { return o.session_headers.sources; },
              ListOf(Text(Empty::kRefused)),
              "What names the session of a request, the first one that counts first: "
              "`header:<name>` for each of `routing.session_headers`, `client:claude-code`, "
              "`client:codex`, `client:pi`, `client:opencode`, `client:amp`, `body:conversation`, "
              "`body:session_id`, `body:metadata.session_id`, `body:metadata.conversation_id`, "
              "`body:prompt_cache_key`, `response_id`, `inferred`. What is left out is not looked "
              "at. Empty: all of them in this order.")
          .Key(
              "volatile_patterns", [](auto& o) -> auto& { return o.history.volatile_patterns; },
              ListOf(Text(Empty::kRefused)),
              "Stretches of text that clients write anew with each request, so that they do not "
              "count when a conversation is recognised: `BEGIN…END` each, with `…` or `...` "
              "between "
              "two literal texts.")
          .Key(
              "vtc_client_patterns", [](auto& o) -> auto& { return o.vtc.client_patterns; },
              ListOf(Text(Empty::kRefused)),
              "Words in the names of clients that have their tools called in the text of an "
              "answer. Empty: there are none.")
          .Key(
              "vtc_translate", [](auto& o) -> auto& { return o.vtc.translate; }, Boolean(),
              "Whether such calls become structured ones towards providers that need them, and "
              "text again for the client. Without effect between a client and a provider of the "
              "same protocol.");
  return table;
}

}  // namespace mainstay::config
