#include "admin/sessions_api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "admin/fields.h"
#include "admin/query.h"
#include "base/json_writer.h"
#include "base/suggest.h"
#include "model/caller.h"

namespace mainstay::admin {
namespace {

using session::PinTable;

constexpr size_t kRawIdBytesMax = 256;
constexpr int64_t kTtlSecondsMax = int64_t{366} * 24 * 3600;
// Names of models in a message; more would bury it.
constexpr size_t kModelsNamedMax = 50;
constexpr std::string_view kAnonymous = "anonymous";

int64_t Millis(WallTime time) {
  return time.time_since_epoch().count();
}

template <typename Number>
bool ParseWhole(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

void WriteText(json::Writer& writer, std::string_view name, std::string_view text) {
  writer.Key(name);
  if (text.empty()) {
    writer.Null();
  } else {
    writer.String(text);
  }
}

void WriteHash(json::Writer& writer, const SessionKey& key) {
  const SessionKeyText text = TextOf(key);
  writer.Key("sessionId").String({text.data(), text.size()});
}

// The members that lists and single sessions share. Null: nothing records it yet.
void WriteMembers(json::Writer& writer, const PinTable::Listed& session,
                  const session::PinOptions& rules) {
  const Pin& pin = session.pin;
  WriteHash(writer, session.key);
  writer.Key("alias").Null();
  writer.Key("model").String(pin.model);
  WriteText(writer, "decision", pin.decision);
  WriteText(writer, "source", pin.source);
  WriteText(writer, "caller", pin.caller);
  writer.Key("createdAt").Int(Millis(pin.since));
  writer.Key("lastUsedAt").Int(Millis(pin.last_used));
  writer.Key("expiresAt")
      .Int(session::PinEnd(pin.since.time_since_epoch(), pin.last_used.time_since_epoch(), pin.ttl,
                           rules)
               .count());
  writer.Key("turns").Null();
  writer.Key("hits").Int(pin.hits);
  writer.Key("switches").Int(pin.version > 0 ? pin.version - 1 : 0);
  for (const std::string_view unknown : {"costUsd", "savedUsd", "vtcEnabled"}) {
    writer.Key(unknown).Null();
  }
}

void WriteSession(json::Writer& writer, const PinTable::Listed& session,
                  const session::PinOptions& rules) {
  writer.BeginObject();
  WriteMembers(writer, session, rules);
  writer.Key("failovers").Int(session.pin.failovers);
  writer.Key("ttlSeconds");
  if (session.pin.ttl.count() > 0) {
    writer.Int(std::chrono::floor<std::chrono::seconds>(session.pin.ttl).count());
  } else {
    writer.Null();
  }
  for (const std::string_view unknown : {"branches", "ledger", "lastTurns"}) {
    writer.Key(unknown).Null();
  }
  writer.EndObject();
}

Answer NotFound() {
  return ErrorAnswer(404, "SESSION_NOT_FOUND",
                     "no session with this hash is pinned; GET /api/sessions lists those that are");
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

// Where a page begins: at a caller, for a search by raw id, and then in the table.
struct Cursor {
  enum class In : char { kCallers = 'c', kTable = 't' };

  In in = In::kCallers;
  uint64_t at = 0;

  std::string Text() const { return static_cast<char>(in) + std::to_string(at); }
};

bool ParseCursor(std::string_view text, Cursor& out) {
  if (text.empty() || (text[0] != static_cast<char>(Cursor::In::kCallers) &&
                       text[0] != static_cast<char>(Cursor::In::kTable))) {
    return false;
  }
  out.in = static_cast<Cursor::In>(text[0]);
  return ParseWhole(text.substr(1), out.at);
}

bool IsHashPart(std::string_view text) {
  return text.size() <= SessionKeyText().size() && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

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
  std::vector<PinTable::Listed> sessions;
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

Answer SessionsApi::List(const Call& call) const {
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
  for (const PinTable::Listed& session : page.sessions) {
    writer.BeginObject();
    WriteMembers(writer, session, settings.pins);
    writer.EndObject();
  }
  writer.EndArray();
  WriteText(writer, "nextCursor", page.next ? page.next->Text() : "");
  writer.Key("count").Int(sources_.pins.Count(settings.pins, Now()));
  writer.EndObject();
  return answer;
}

// Sessions whose raw id is searched for: at most one of each caller.
void SessionsApi::FindById(const ListQuery& query, const SessionSettings& settings,
                           Page& page) const {
  const std::vector<std::string_view> callers = CallersOf(query.caller, settings);
  for (size_t at = query.cursor.at; at < callers.size(); ++at) {
    const SessionKey key = settings.ids.KeyOf(callers[at], query.tenant, query.search);
    const std::optional<mainstay::Pin> pin = sources_.pins.Find(key, settings.pins, Now());
    if (!pin || (!query.model.empty() && query.model != pin->model)) {
      continue;
    }
    if (page.sessions.size() == query.limit) {
      page.next = {.in = Cursor::In::kCallers, .at = at};
      return;
    }
    page.sessions.push_back({.key = key, .pin = *pin});
  }
}

// Sessions in the table, from the cursor on.
void SessionsApi::FindByHash(const ListQuery& query, const SessionSettings& settings,
                             Page& page) const {
  if (!IsHashPart(query.search)) {
    return;
  }
  if (page.sessions.size() == query.limit) {
    page.next = {.in = Cursor::In::kTable, .at = 0};
    return;
  }
  const auto given = static_cast<ptrdiff_t>(page.sessions.size());
  const uint64_t begin = query.cursor.in == Cursor::In::kTable ? query.cursor.at : 0;
  if (SessionKey key; ParseSessionKey(query.search, key)) {
    // A whole hash needs no search.
    const std::optional<mainstay::Pin> pin = sources_.pins.Find(key, settings.pins, Now());
    if (pin && (query.caller.empty() || query.caller == pin->caller) &&
        (query.model.empty() || query.model == pin->model)) {
      page.sessions.push_back({.key = key, .pin = *pin});
    }
    return;
  }
  const uint64_t next = sources_.pins.List(
      begin, query.limit, {.model = query.model, .caller = query.caller, .text = query.search},
      settings.pins, Now(), page.sessions);
  if (!query.search.empty()) {
    // Whose raw id is the text was given by FindById.
    for (const std::string_view caller : CallersOf(query.caller, settings)) {
      const SessionKey key = settings.ids.KeyOf(caller, query.tenant, query.search);
      const auto again = std::ranges::find(page.sessions.begin() + given, page.sessions.end(), key,
                                           &PinTable::Listed::key);
      if (again != page.sessions.end()) {
        page.sessions.erase(again);
      }
    }
  }
  if (next != 0) {
    page.next = {.in = Cursor::In::kTable, .at = next};
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
  std::vector<PinTable::Listed> found;
  for (const std::string_view name : callers) {
    const SessionKey key = settings.ids.KeyOf(name, tenant, *id);
    if (const auto pin = sources_.pins.Find(key, settings.pins, Now())) {
      found.push_back({.key = key, .pin = *pin});
    }
  }
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject();
  if (!found.empty()) {
    WriteHash(writer, found.front().key);
  } else if (callers.size() == 1) {
    WriteHash(writer, settings.ids.KeyOf(callers.front(), tenant, *id));
  } else {
    writer.Key("sessionId").Null();  // each caller's would be another one
  }
  writer.Key("exists").Bool(!found.empty());
  writer.Key("sessions").BeginArray();
  for (const PinTable::Listed& session : found) {
    writer.BeginObject();
    WriteHash(writer, session.key);
    writer.Key("caller").String(session.pin.caller).EndObject();
  }
  writer.EndArray().EndObject();
  return answer;
}

Answer SessionsApi::Show(const Call& call) const {
  const SessionSettings settings = sources_.settings();
  PinTable::Listed session;
  std::optional<mainstay::Pin> pin;
  if (ParseSessionKey(call.id, session.key)) {
    pin = sources_.pins.Find(session.key, settings.pins, Now());
  }
  if (!pin) {
    return NotFound();
  }
  session.pin = *pin;
  Answer answer;
  json::Writer writer(answer.body);
  WriteSession(writer, session, settings.pins);
  return answer;
}

Answer SessionsApi::Delete(const Call& call) {
  SessionKey key;
  const bool erased =
      ParseSessionKey(call.id, key) && sources_.pins.Erase(key, sources_.settings().pins, Now());
  return erased ? Deleted(1) : NotFound();
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
  return Deleted(sources_.pins.EraseOfCaller(caller->second, sources_.settings().pins, Now()));
}

Answer SessionsApi::Unpin(const Call& call) {
  SessionKey key;
  const bool erased =
      ParseSessionKey(call.id, key) && sources_.pins.Erase(key, sources_.settings().pins, Now());
  return erased ? Answer{.body = R"({"ok":true})"} : NotFound();
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
                       .constraint = "explicit"});
  }
  if (!details.empty()) {
    return ValidationError(details);
  }
  SessionKey key;
  const std::optional<mainstay::Pin> before =
      ParseSessionKey(call.id, key) ? sources_.pins.Find(key, settings.pins, Now()) : std::nullopt;
  if (!before) {
    return NotFound();
  }
  if (!MayUse(before->caller, *model, settings)) {
    details.push_back({.field = "model",
                       .message = "may not be used by the session's caller",
                       .constraint = "allow_models of the caller " + std::string(before->caller)});
    return ValidationError(details);
  }
  // The decision stays: its other models are what the session falls back on.
  mainstay::Pin pin = *before;
  pin.model = model->name;
  pin.ttl = std::chrono::seconds(ttl.value_or(0));
  sources_.pins.Set(key, pin, settings.pins, Now());
  Answer answer;
  json::Writer writer(answer.body);
  writer.BeginObject().Key("ok").Bool(true).Key("session");
  const std::optional<mainstay::Pin> after = sources_.pins.Find(key, settings.pins, Now());
  WriteSession(writer, {.key = key, .pin = after.value_or(pin)}, settings.pins);
  writer.EndObject();
  return answer;
}

}  // namespace mainstay::admin
