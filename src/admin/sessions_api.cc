#include "admin/sessions_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "admin/fields.h"
#include "admin/query.h"
#include "admin/session_json.h"
#include "base/json_writer.h"
#include "base/suggest.h"
#include "model/caller.h"

namespace mainstay::admin {
namespace {

using session::ListedSession;
using session::SessionList;
using session::SessionRules;

constexpr size_t kRawIdBytesMax = 256;
constexpr int64_t kTtlSecondsMax = int64_t{366} * 24 * 3600;
// Names of models in a message; more would bury it.
constexpr size_t kModelsNamedMax = 50;
constexpr std::string_view kAnonymous = "anonymous";

SessionRules RulesOf(const SessionSettings& settings) {
  return {.pins = settings.pins, .continuity = settings.continuity};
}

template <typename Number>
bool ParseWhole(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Answer NotFound() {
  return ErrorAnswer(404, "SESSION_NOT_FOUND",
                     "no session with this hash is known; GET /api/sessions lists those that are");
}

Answer Deleted(int64_t count) {
  Answer answer;
  json::Writer(answer.body)
      .BeginObject()
      .Key("ok")
      .Bool(true)
      .Key("deleted")
      .Int(count)
      .EndObject();
  return answer;
}

// The callers that a raw id may belong to.
std::vector<std::string_view> CallersOf(std::string_view asked, const SessionSettings& settings) {
  if (!asked.empty()) {
    return {asked};
  }
  std::vector<std::string_view> names;
  for (const identity::CallerOptions& caller : settings.callers) {
    names.emplace_back(caller.name);
  }
  if (names.empty()) {
    names.push_back(kAnonymous);
  }
  return names;
}

// The configured name of what the operator calls a model; what is not configured stands for itself,
// because pins outlive models.
std::string_view ModelName(std::string_view asked, const Catalog& catalog) {
  const Model* const model = asked.empty() ? nullptr : catalog.Find(asked);
  return model == nullptr ? asked : std::string_view(model->name);
}

// Where a page begins: at a caller, for a search by raw id, and then in the tables.
struct Cursor {
  enum class In : char { kCallers = 'c', kConversations = 's', kPins = 't' };

  In in = In::kCallers;
  uint64_t at = 0;

  std::string Text() const { return static_cast<char>(in) + std::to_string(at); }
};

bool ParseCursor(std::string_view text, Cursor& out) {
  using In = Cursor::In;
  for (const In in : {In::kCallers, In::kConversations, In::kPins}) {
    if (text.starts_with(static_cast<char>(in))) {
      out.in = in;
      return ParseWhole(text.substr(1), out.at);
    }
  }
  return false;
}

SessionList::Cursor InTables(const Cursor& cursor) {
  switch (cursor.in) {
    case Cursor::In::kCallers:
      return {};
    case Cursor::In::kConversations:
      return {.in = SessionList::Cursor::In::kConversations, .at = cursor.at};
    case Cursor::In::kPins:
      return {.in = SessionList::Cursor::In::kPins, .at = cursor.at};
  }
  return {};
}

Cursor OfTables(const SessionList::Cursor& cursor) {
  return {.in = cursor.in == SessionList::Cursor::In::kPins ? Cursor::In::kPins
                                                            : Cursor::In::kConversations,
          .at = cursor.at};
}

bool IsHashPart(std::string_view text) {
  return text.size() <= SessionKeyText().size() && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

SessionKey SessionsApi::KeyOf(std::string_view caller, std::string_view tenant, std::string_view id,
                              const SessionSettings& settings) const {
  return sources_.aliases.Find(settings.ids.KeyOf(caller, tenant, id), settings.continuity, Now());
}

std::optional<ListedSession> SessionsApi::Find(const SessionKey& key,
                                               const SessionSettings& settings) const {
  return list_.Find(key, SessionList::Detail::kSum, RulesOf(settings), Now());
}

// --- list ---

struct SessionsApi::ListQuery {
  size_t limit = static_cast<size_t>(kLimitDefault);
  Cursor cursor;
  std::string account;
  std::string caller;
  std::string model;
  std::string search;
  std::string tenant;

  static ListQuery Read(std::string_view text, std::vector<Detail>& details);
};

struct SessionsApi::Page {
  std::vector<ListedSession> sessions;
  std::optional<Cursor> next;
};

SessionsApi::ListQuery SessionsApi::ListQuery::Read(std::string_view text,
                                                    std::vector<Detail>& details) {
  static constexpr std::string_view kKnown[] = {"limit", "cursor", "account", "caller",
                                                "model", "search", "tenant"};
  auto values = ReadQuery(text, kKnown, details);
  ListQuery query{.account = std::move(values["account"]),
                  .caller = std::move(values["caller"]),
                  .model = std::move(values["model"]),
                  .search = std::move(values["search"]),
                  .tenant = std::move(values["tenant"])};
  if (const std::string& limit = values["limit"]; !limit.empty()) {
    int64_t number = 0;
    if (!ParseWhole(limit, number) || number < 1 || number > kLimitMax) {
      const std::string range = "1 to " + std::to_string(kLimitMax);
      details.push_back({.field = "limit",
                         .message = "must be a whole number from " + range,
                         .constraint = range});
    }
    query.limit = static_cast<size_t>(number);
  }
  if (const std::string& cursor = values["cursor"];
      !cursor.empty() && !ParseCursor(cursor, query.cursor)) {
    details.push_back({.field = "cursor",
                       .message = "must be the nextCursor of an earlier page",
                       .constraint = "as it was given"});
  }
  if (query.search.size() > kRawIdBytesMax) {
    details.push_back(
        {.field = "search", .message = "is longer than any id", .constraint = "1 to 256 bytes"});
  }
  return query;
}

Answer SessionsApi::List(const Call& call) {
  std::vector<Detail> details;
  ListQuery query = ListQuery::Read(call.query, details);
  if (!details.empty()) {
    return ValidationError(details);
  }
  const SessionSettings settings = sources_.settings();
  query.model = ModelName(query.model, settings.catalog);
  Page page;
  // No session is bound to an account yet, so none has the one that is asked for.
  if (query.account.empty()) {
    if (!query.search.empty() && query.cursor.in == Cursor::In::kCallers) {
      FindById(query, settings, page);
    }
    if (!page.next) {
      FindByHash(query, settings, page);
    }
  }
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject().Key("sessions").BeginArray();
  for (const ListedSession& session : page.sessions) {
    writer.BeginObject();
    WriteMembers(writer, session, RulesOf(settings));
    writer.EndObject();
  }
  writer.EndArray();
  WriteText(writer, "nextCursor", page.next ? page.next->Text() : "");
  writer.Key("count").Int(list_.Count(RulesOf(settings), Now()));
  writer.EndObject();
  return answer;
}

// Sessions whose raw id is searched for: at most one of each caller.
void SessionsApi::FindById(const ListQuery& query, const SessionSettings& settings,
                           Page& page) const {
  const std::vector<std::string_view> callers = CallersOf(query.caller, settings);
  for (size_t at = query.cursor.at; at < callers.size(); ++at) {
    auto session = Find(KeyOf(callers[at], query.tenant, query.search, settings), settings);
    if (!session || (!query.model.empty() && query.model != session->model())) {
      continue;
    }
    if (page.sessions.size() == query.limit) {
      page.next = {.in = Cursor::In::kCallers, .at = at};
      return;
    }
    page.sessions.push_back(*std::move(session));
  }
}

// Sessions in the tables, from the cursor on.
void SessionsApi::FindByHash(const ListQuery& query, const SessionSettings& settings,
                             Page& page) const {
  if (!IsHashPart(query.search)) {
    return;
  }
  if (page.sessions.size() == query.limit) {
    page.next = Cursor{.in = Cursor::In::kConversations, .at = 0};
    return;
  }
  const SessionList::Filter filter{
      .caller = query.caller, .model = query.model, .text = query.search};
  if (SessionKey key; ParseSessionKey(query.search, key)) {
    // A whole hash needs no search.
    if (auto session = Find(key, settings); session && filter.Lets(*session)) {
      page.sessions.push_back(*std::move(session));
    }
    return;
  }
  const auto given = static_cast<ptrdiff_t>(page.sessions.size());
  const auto next = list_.Page(InTables(query.cursor), query.limit, filter, RulesOf(settings),
                               Now(), page.sessions);
  if (!query.search.empty()) {
    // Whose raw id is the text was given by FindById.
    for (const std::string_view caller : CallersOf(query.caller, settings)) {
      const SessionKey key = KeyOf(caller, query.tenant, query.search, settings);
      const auto again = std::ranges::find(page.sessions.begin() + given, page.sessions.end(), key,
                                           &ListedSession::key);
      if (again != page.sessions.end()) {
        page.sessions.erase(again);
      }
    }
  }
  if (next) {
    page.next = OfTables(*next);
  }
}

// --- one session ---

Answer SessionsApi::Lookup(const Call& call) const {
  static constexpr std::string_view kKnown[] = {"sessionId", "caller", "tenant"};
  std::vector<Detail> details;
  const std::optional<Fields> fields = Fields::Read(call.body, kKnown, details);
  if (!fields) {
    return InvalidJson(R"({"session_id":"my-session"})");
  }
  const std::optional<std::string> id = fields->Text("sessionId", details);
  if (!fields->Has("sessionId") || (id && id->size() > kRawIdBytesMax)) {
    details.push_back({.field = "sessionId",
                       .message = "must be the id as the client sends it",
                       .constraint = "1 to 256 bytes"});
  }
  const std::string caller = fields->Text("caller", details).value_or("");
  const std::string tenant = fields->Text("tenant", details).value_or("");
  if (!details.empty()) {
    return ValidationError(details);
  }
  const SessionSettings settings = sources_.settings();
  const std::vector<std::string_view> callers = CallersOf(caller, settings);
  std::vector<ListedSession> found;
  for (const std::string_view name : callers) {
    if (auto session = Find(KeyOf(name, tenant, *id, settings), settings)) {
      found.push_back(*std::move(session));
    }
  }
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject();
  if (!found.empty()) {
    WriteHash(writer, "sessionId", found.front().key);
  } else if (callers.size() == 1) {
    WriteHash(writer, "sessionId", KeyOf(callers.front(), tenant, *id, settings));
  } else {
    writer.Key("sessionId").Null();  // each caller's would be another one
  }
  writer.Key("exists").Bool(!found.empty());
  writer.Key("sessions").BeginArray();
  for (const ListedSession& session : found) {
    writer.BeginObject();
    WriteHash(writer, "sessionId", session.key);
    writer.Key("caller").String(session.caller()).EndObject();
  }
  writer.EndArray().EndObject();
  return answer;
}

std::optional<ListedSession> SessionsApi::Known(const Call& call, const SessionSettings& settings,
                                                SessionList::Detail detail) const {
  SessionKey key;
  return ParseSessionKey(call.id, key) ? list_.Find(key, detail, RulesOf(settings), Now())
                                       : std::nullopt;
}

Answer SessionsApi::Show(const Call& call) const {
  const SessionSettings settings = sources_.settings();
  const auto session = Known(call, settings, SessionList::Detail::kAll);
  if (!session) {
    return NotFound();
  }
  Answer answer;
  json::Writer writer(answer.body);
  WriteSession(writer, *session, RulesOf(settings));
  return answer;
}

Answer SessionsApi::Delete(const Call& call) {
  const SessionSettings settings = sources_.settings();
  SessionKey key;
  if (!ParseSessionKey(call.id, key)) {
    return NotFound();
  }
  // Not what is known of it alone: a request that is under way must not bring it back either.
  const bool unpinned = sources_.pins.Erase(key, settings.pins, Now());
  const bool known = sources_.conversations.Knows(key, settings.continuity, Now());
  sources_.conversations.Erase(key);
  return unpinned || known ? Deleted(1) : NotFound();
}

Answer SessionsApi::DeleteMany(const Call& call) {
  static constexpr std::string_view kKnown[] = {"caller"};
  std::vector<Detail> details;
  const auto values = ReadQuery(call.query, kKnown, details);
  const auto caller = values.find("caller");
  if (caller == values.end() && details.empty()) {
    details.push_back({.field = "caller",
                       .message = "must be given: all sessions are not deleted at once",
                       .constraint = "the name of a caller"});
  }
  if (!details.empty()) {
    return ValidationError(details);
  }
  const SessionSettings settings = sources_.settings();
  return Deleted(list_.EraseOfCaller(caller->second, RulesOf(settings), Now()));
}

Answer SessionsApi::Unpin(const Call& call) {
  const SessionSettings settings = sources_.settings();
  const auto session = Known(call, settings, SessionList::Detail::kSum);
  SessionKey key;
  // Erased in any case: a first turn that is under way must not leave a pin behind.
  if (ParseSessionKey(call.id, key)) {
    sources_.pins.Erase(key, settings.pins, Now());
  }
  return session ? Answer{.body = R"({"ok":true})"} : NotFound();
}

Answer SessionsApi::SetVtc(const Call& call) {
  static constexpr std::string_view kKnown[] = {"enabled"};
  std::vector<Detail> details;
  const std::optional<Fields> fields = Fields::Read(call.body, kKnown, details);
  if (!fields) {
    return InvalidJson(R"({"enabled":false})");
  }
  const std::optional<bool> enabled = fields->Bool("enabled", details);
  if (!fields->Has("enabled")) {
    details.push_back(
        {.field = "enabled", .message = "must be given", .constraint = "true or false"});
  }
  if (!details.empty()) {
    return ValidationError(details);
  }
  const SessionSettings settings = sources_.settings();
  const auto session = Known(call, settings, SessionList::Detail::kSum);
  if (!session) {
    return NotFound();
  }
  if (!session->conversations || !sources_.conversations.SetVtc(session->key, *enabled)) {
    return ErrorAnswer(404, "SESSION_NOT_FOUND",
                       "the session is pinned, but no conversation of it is known, and the flag "
                       "lives with those");
  }
  return {.body = R"({"ok":true})"};
}

// --- pin ---

namespace {

std::string ConfiguredModels(const Catalog& catalog) {
  std::string names;
  size_t count = 0;
  for (const auto& model : catalog.models()) {
    if (++count > kModelsNamedMax) {
      return names + " ...";
    }
    names += (names.empty() ? "one of " : ", ") + model->name;
  }
  return names;
}

Detail UnknownModel(std::string_view asked, const Catalog& catalog) {
  std::vector<std::string_view> names;
  for (const Catalog::Name& name : catalog.listed()) {
    names.emplace_back(name.text);
  }
  return {.field = "model",
          .message = "is not configured" + DidYouMean(asked, names),
          .constraint = ConfiguredModels(catalog)};
}

bool MayUse(std::string_view caller, const Model& model, const SessionSettings& settings) {
  const auto found = std::ranges::find(settings.callers, caller, &identity::CallerOptions::name);
  return found == settings.callers.end() ||
         CallerView{.name = found->name, .allow_models = found->allow_models}.Allows(model.name);
}

}  // namespace

Answer SessionsApi::Pin(const Call& call) {
  static constexpr std::string_view kKnown[] = {"model", "account", "ttlSeconds"};
  const SessionSettings settings = sources_.settings();
  std::vector<Detail> details;
  const std::optional<Fields> fields = Fields::Read(call.body, kKnown, details);
  if (!fields) {
    return InvalidJson(R"({"model":"openai/gpt-4o","ttlSeconds":3600})");
  }
  const std::optional<std::string> name = fields->Text("model", details);
  const auto ttl = fields->Number("ttlSeconds", 1, kTtlSecondsMax, details);
  const Model* const model = name ? settings.catalog.Find(*name) : nullptr;
  if (name && model == nullptr) {
    details.push_back(UnknownModel(*name, settings.catalog));
  } else if (!fields->Has("model")) {
    details.push_back({.field = "model",
                       .message = "must be given",
                       .constraint = ConfiguredModels(settings.catalog)});
  }
  if (fields->Has("account")) {
    details.push_back({.field = "account",
                       .message = "sessions cannot be pinned to an account",
                       .constraint = "absent"});
  }
  if (settings.pins.sessions == session::PinSessions::kOff) {
    details.push_back({.field = "routing.pin_sessions",
                       .message = "is off: a pin would have no effect",
                       .constraint = "explicit or all"});
  }
  if (!details.empty()) {
    return ValidationError(details);
  }
  const auto before = Known(call, settings, SessionList::Detail::kSum);
  if (!before) {
    return NotFound();
  }
  if (!before->has_id() && settings.pins.sessions != session::PinSessions::kAll) {
    details.push_back({.field = "routing.pin_sessions",
                       .message = "leaves sessions without an id alone: a pin would have no effect",
                       .constraint = "all"});
    return ValidationError(details);
  }
  if (!MayUse(before->caller(), *model, settings)) {
    details.push_back(
        {.field = "model",
         .message = "may not be used by the session's caller",
         .constraint = "allow_models of the caller " + std::string(before->caller())});
    return ValidationError(details);
  }
  // The decision stays: its other models are what the session falls back on.
  mainstay::Pin pin = before->pin.value_or(mainstay::Pin());
  pin.model = model->name;
  pin.caller = before->caller();
  pin.source = before->source();
  pin.ttl = std::chrono::seconds(ttl.value_or(0));
  sources_.pins.Set(before->key, pin, settings.pins, Now());
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject().Key("ok").Bool(true).Key("session");
  const auto after = Known(call, settings, SessionList::Detail::kAll);
  WriteSession(writer, after.value_or(*before), RulesOf(settings));
  writer.EndObject();
  return answer;
}

}  // namespace mainstay::admin
