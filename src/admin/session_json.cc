#include "admin/session_json.h"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace mainstay::admin {
namespace {

using session::Conversations;
using session::ListedSession;
using session::SessionRules;
using std::chrono::milliseconds;

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}

// Null when there is nothing to take it from.
template <typename From, typename Pick>
void WriteNumber(json::Writer& writer, std::string_view name, const std::optional<From>& from,
                 Pick pick) {
  writer.Key(name);
  if (from) {
    writer.Int(static_cast<int64_t>(pick(*from)));
  } else {
    writer.Null();
  }
}

void WriteTime(json::Writer& writer, std::string_view name, WallTime time) {
  writer.Key(name).Int(Millis(time));
}

// A plain decimal number: single turns cost so little that a double would be written with an
// exponent.
void WriteMoney(json::Writer& writer, std::string_view name, int64_t nano) {
  constexpr int64_t kUnit = 1'000'000'000;
  const int64_t part = std::abs(nano % kUnit);
  std::string text = nano < 0 ? "-" : "";
  text += std::to_string(std::abs(nano / kUnit));
  if (part != 0) {
    const std::string digits = std::to_string(kUnit + part);
    text += "." + digits.substr(1, digits.find_last_not_of('0'));
  }
  writer.Key(name).Raw(text);
}

void WriteBranch(json::Writer& writer, const Conversations::Branch& branch) {
  writer.Key("branch").Int(branch.branch);
  writer.Key("parentBranch").Int(branch.parent_branch);
  writer.Key("replies").Int(branch.replies);
  writer.Key("messages").Int(branch.messages);
}

void WriteConversation(json::Writer& writer, const Conversations::Info& talk) {
  writer.BeginObject();
  WriteHash(writer, "conversationId", talk.key);
  writer.Key("turns").Int(talk.turns);
  WriteTime(writer, "createdAt", talk.created);
  WriteTime(writer, "lastUsedAt", talk.last_used);
  WriteText(writer, "model", talk.model);
  writer.Key("promptTokens").Int(static_cast<int64_t>(talk.prompt_tokens));
  writer.Key("completionTokens").Int(static_cast<int64_t>(talk.completion_tokens));
  WriteMoney(writer, "costUsd", talk.cost_nano);
  writer.Key("auxiliary").Bool(talk.auxiliary);
  writer.Key("branches").BeginArray();
  for (const Conversations::Branch& branch : talk.branches) {
    writer.BeginObject();
    WriteBranch(writer, branch);
    writer.EndObject();
  }
  writer.EndArray().EndObject();
}

// The session's branches in one list, and its conversations with theirs.
void WriteConversations(json::Writer& writer, const ListedSession& session) {
  const std::vector<Conversations::Info> none;
  const auto& talks = session.conversations ? session.conversations->all : none;
  writer.Key("branches").BeginArray();
  for (const Conversations::Info& talk : talks) {
    for (const Conversations::Branch& branch : talk.branches) {
      writer.BeginObject();
      WriteHash(writer, "conversationId", talk.key);
      WriteBranch(writer, branch);
      writer.EndObject();
    }
  }
  writer.EndArray();
  writer.Key("conversations").BeginArray();
  for (const Conversations::Info& talk : talks) {
    WriteConversation(writer, talk);
  }
  writer.EndArray();
  writer.Key("conversationCount")
      .Int(session.conversations ? static_cast<int64_t>(session.conversations->conversations) : 0);
}

}  // namespace

void WriteHash(json::Writer& writer, std::string_view name, const SessionKey& key) {
  const SessionKeyText text = TextOf(key);
  writer.Key(name).String({text.data(), text.size()});
}

void WriteText(json::Writer& writer, std::string_view name, std::string_view text) {
  writer.Key(name);
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

void WriteMembers(json::Writer& writer, const ListedSession& session, const SessionRules& rules) {
  const auto& talks = session.conversations;
  const auto& pin = session.pin;
  WriteHash(writer, "sessionId", session.key);
  writer.Key("alias").Null();
  WriteText(writer, "model", session.model());
  WriteText(writer, "decision", pin ? pin->decision : "");
  WriteText(writer, "source", session.source());
  WriteText(writer, "caller", session.caller());
  WriteTime(writer, "createdAt", session.created());
  WriteTime(writer, "lastUsedAt", session.last_used());
  WriteTime(writer, "expiresAt", session.expires(rules));
  WriteNumber(writer, "turns", talks, [](const auto& one) { return one.turns; });
  WriteNumber(writer, "hits", pin, [](const auto& one) { return one.hits; });
  WriteNumber(writer, "switches", pin,
              [](const auto& one) { return one.version > 0 ? one.version - 1 : 0; });
  if (talks) {
    WriteMoney(writer, "costUsd", talks->cost_nano);
  } else {
    writer.Key("costUsd").Null();
  }
  writer.Key("savedUsd").Null();
  writer.Key("vtcEnabled");
  if (talks) {
    writer.Bool(talks->vtc);
  } else {
    writer.Null();
  }
}

void WriteSession(json::Writer& writer, const ListedSession& session, const SessionRules& rules) {
  const auto& pin = session.pin;
  writer.BeginObject();
  WriteMembers(writer, session, rules);
  writer.Key("pinned").Bool(pin.has_value());
  WriteNumber(writer, "pinnedAt", pin, [](const auto& one) { return Millis(one.since); });
  WriteNumber(writer, "failovers", pin, [](const auto& one) { return one.failovers; });
  const auto own_ttl =
      pin && pin->ttl.count() > 0 ? std::optional(pin->ttl) : std::optional<milliseconds>();
  WriteNumber(writer, "ttlSeconds", own_ttl, [](milliseconds ttl) {
    return std::chrono::floor<std::chrono::seconds>(ttl).count();
  });
  WriteConversations(writer, session);
  writer.Key("ledger").Null().Key("lastTurns").Null();
  writer.EndObject();
}

}  // namespace mainstay::admin
