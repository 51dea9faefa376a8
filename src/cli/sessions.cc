#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json_writer.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "http/url.h"
#include "model/session.h"

namespace mainstay::cli {
namespace {

using namespace std::chrono_literals;

struct Arguments {
  AdminClient::Options admin;
  bool json = false;
  // Which session.
  std::string id;
  std::string caller;
  std::string tenant;
  // list
  int64_t limit = 50;
  std::string cursor;
  std::string model;
  std::string account;
  std::string search;
  // evict
  std::string all_of;
  // pin
  int64_t ttl_seconds = 0;
  // vtc
  std::string on_or_off;
};

// --- what people read ---

std::string Duration(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  if (seconds < 60s) {
    return std::to_string(seconds.count()) + "s";
  }
  if (seconds < 60min) {
    return std::to_string(seconds / 1min) + "m" + std::to_string(seconds % 1min / 1s) + "s";
  }
  if (seconds < 48h) {
    return std::to_string(seconds / 1h) + "h" + std::to_string(seconds % 1h / 1min) + "m";
  }
  return std::to_string(seconds / 24h) + "d" + std::to_string(seconds % 24h / 1h) + "h";
}

// "3m4s ago", "in 9m0s".
std::string When(const JsonValue& ms) {
  const WallTime now = PolicyClock(PolicyClock::Mode::kReal).Now();
  const WallTime time{std::chrono::milliseconds(ms.number())};
  return time > now ? "in " + Duration(time - now) : Duration(now - time) + " ago";
}

std::string OrDash(const JsonValue& value) {
  return value.is_null() ? "-" : value.text();
}

void PrintRows(const std::vector<JsonValue>& sessions) {
  TextTable table;
  table.Add({"SESSION", "MODEL", "DECISION", "CALLER", "SOURCE", "TURNS", "HITS", "LAST USED",
             "EXPIRES"});
  for (const JsonValue& row : sessions) {
    table.Add({row["sessionId"].text(), OrDash(row["model"]), OrDash(row["decision"]),
               OrDash(row["caller"]), OrDash(row["source"]), OrDash(row["turns"]),
               OrDash(row["hits"]), When(row["lastUsedAt"]), When(row["expiresAt"])});
  }
  table.Print(std::cout);
}

void AddPin(const JsonValue& session, TextTable& table) {
  if (!session["pinned"].is_true()) {
    table.Add({"pinned", "no"});
    table.Add({"expires", When(session["expiresAt"])});
    return;
  }
  table.Add({"pinned", When(session["pinnedAt"])});
  const JsonValue ttl = session["ttlSeconds"];
  table.Add({"expires", When(session["expiresAt"]) +
                            (ttl.is_null() ? "" : ", " + ttl.text() + " s after it was pinned")});
  table.Add({"hits", session["hits"].text()});
  table.Add({"switches", session["switches"].text()});
  table.Add({"failovers", session["failovers"].text() + " in a row"});
}

// What one line says of a branch: its number, where it comes from, replies, messages.
std::vector<std::string> BranchCells(const JsonValue& conversation, const JsonValue& branch) {
  const std::string number = branch["branch"].text();
  const std::string parent = branch["parentBranch"].text();
  const std::string from = conversation["auxiliary"].is_true() ? "side request"
                           : number == parent                  ? "-"
                                                               : parent;
  return {number, from, branch["replies"].text(), branch["messages"].text()};
}

// One line for each branch: most conversations have one.
void PrintConversations(const JsonValue& session) {
  const std::vector<JsonValue> conversations = session["conversations"].elements();
  if (conversations.empty()) {
    return;
  }
  const std::string shown = std::to_string(conversations.size());
  const std::string all = session["conversationCount"].text();
  std::cout << "conversations" << (shown == all ? "" : "  the newest " + shown + " of " + all)
            << "\n";
  TextTable table;
  table.Add({"CONVERSATION", "MODEL", "TURNS", "TOKENS", "COST USD", "LAST USED", "BRANCH", "FROM",
             "REPLIES", "MESSAGES"});
  for (const JsonValue& one : conversations) {
    std::vector<std::string> row = {
        one["conversationId"].text(),
        OrDash(one["model"]),
        one["turns"].text(),
        one["promptTokens"].text() + "+" + one["completionTokens"].text(),
        one["costUsd"].text(),
        When(one["lastUsedAt"])};
    const size_t own = row.size();
    const std::vector<JsonValue> branches = one["branches"].elements();
    if (branches.empty()) {  // no reply of it is known
      row.insert(row.end(), {"-", "-", "0", "0"});
      table.Add(row);
    }
    for (const JsonValue& branch : branches) {
      const std::vector<std::string> cells = BranchCells(one, branch);
      row.insert(row.end(), cells.begin(), cells.end());
      table.Add(std::move(row));
      row.assign(own, "");
    }
  }
  table.Print(std::cout, 2);
}

void PrintSession(const JsonValue& session) {
  TextTable table;
  table.Add({"session", session["sessionId"].text()});
  table.Add({"model", OrDash(session["model"])});
  for (const auto& [label, name] :
       {std::pair("account", "alias"), std::pair("decision", "decision"),
        std::pair("caller", "caller"), std::pair("source", "source")}) {
    if (const JsonValue value = session[name]; !value.is_null()) {
      table.Add({label, value.text()});
    }
  }
  table.Add({"began", When(session["createdAt"])});
  table.Add({"last used", When(session["lastUsedAt"])});
  AddPin(session, table);
  for (const auto& [label, name] : {std::pair("turns", "turns"), std::pair("cost USD", "costUsd"),
                                    std::pair("saved USD", "savedUsd")}) {
    if (const JsonValue value = session[name]; !value.is_null()) {
      table.Add({label, value.text()});
    }
  }
  if (const JsonValue vtc = session["vtcEnabled"]; !vtc.is_null()) {
    table.Add({"tools in text", vtc.is_true() ? "yes" : "no"});
  }
  table.Print(std::cout);
  PrintConversations(session);
}

int PrintJson(const JsonDocument& document) {
  std::cout << document.text() << "\n";
  return 0;
}

// --- what they do ---

std::string PathOf(std::string_view hash) {
  return "/api/sessions/" + http::PercentEncode(hash);
}

Error Unknown(std::string_view what) {
  return {.kind = ErrorKind::kNotFound, .side = Side::kClient, .message = std::string(what)};
}

// The public hash of the session that is meant by `arguments.id`: such a hash, or a raw id, which
// leaves this process in a body only.
Result<std::string> Find(const AdminClient& client, const Arguments& arguments) {
  if (SessionKey key; ParseSessionKey(arguments.id, key)) {
    Result<JsonDocument> shown = client.Call(http::Method::kGet, PathOf(arguments.id));
    if (shown) {
      return arguments.id;
    }
    if (shown.error().kind != ErrorKind::kNotFound) {
      return std::move(shown).error();
    }
  }
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("session_id").String(arguments.id);
  if (!arguments.caller.empty()) {
    writer.Key("caller").String(arguments.caller);
  }
  if (!arguments.tenant.empty()) {
    writer.Key("tenant").String(arguments.tenant);
  }
  writer.EndObject();
  MS_TRY(const JsonDocument document,
         client.Call(http::Method::kPost, "/api/sessions/lookup", body));
  const JsonValue answer = document.root();
  const std::vector<JsonValue> found = answer["sessions"].elements();
  if (!answer["exists"].is_true()) {
    return Unknown("no session of this hash or id is known; see mainstay sessions list");
  }
  if (found.size() > 1) {
    std::string callers;
    for (const JsonValue& one : found) {
      callers += (callers.empty() ? "" : ", ") + one["caller"].text();
    }
    return Unknown("several callers have a session of this id; say which with --caller: " +
                   callers);
  }
  return answer["sessionId"].text();
}

void AddItem(std::string& target, std::string_view name, std::string_view value) {
  if (!value.empty()) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += std::string(name) + "=" + http::PercentEncode(value);
  }
}

Result<int> List(const AdminClient& client, const Arguments& arguments) {
  std::string target = "/api/sessions";
  AddItem(target, "limit", std::to_string(arguments.limit));
  AddItem(target, "cursor", arguments.cursor);
  AddItem(target, "caller", arguments.caller);
  AddItem(target, "tenant", arguments.tenant);
  AddItem(target, "model", arguments.model);
  AddItem(target, "account", arguments.account);
  AddItem(target, "search", arguments.search);
  MS_TRY(const JsonDocument document, client.Call(http::Method::kGet, target));
  if (arguments.json) {
    return PrintJson(document);
  }
  const JsonValue answer = document.root();
  const std::vector<JsonValue> sessions = answer["sessions"].elements();
  if (!sessions.empty()) {
    PrintRows(sessions);
  }
  std::cout << sessions.size() << " of " << answer["count"].text() << " sessions\n";
  if (const JsonValue next = answer["nextCursor"]; !next.is_null()) {
    std::cout << "more: --cursor " << next.text() << "\n";
  }
  return 0;
}

Result<int> Show(const AdminClient& client, const Arguments& arguments) {
  MS_TRY(const std::string hash, Find(client, arguments));
  MS_TRY(const JsonDocument document, client.Call(http::Method::kGet, PathOf(hash)));
  if (arguments.json) {
    return PrintJson(document);
  }
  PrintSession(document.root());
  return 0;
}

Result<int> Evict(const AdminClient& client, const Arguments& arguments) {
  std::string target = "/api/sessions?caller=" + http::PercentEncode(arguments.all_of);
  if (arguments.all_of.empty()) {
    MS_TRY(const std::string hash, Find(client, arguments));
    target = PathOf(hash);
  }
  MS_TRY(const JsonDocument document, client.Call(http::Method::kDelete, target));
  if (arguments.json) {
    return PrintJson(document);
  }
  const std::string deleted = document.root()["deleted"].text();
  std::cout << deleted << (deleted == "1" ? " session" : " sessions") << " evicted\n";
  return 0;
}

Result<int> Pin(const AdminClient& client, const Arguments& arguments) {
  MS_TRY(const std::string hash, Find(client, arguments));
  std::string body;
  json::Writer writer(body);
  writer.BeginObject().Key("model").String(arguments.model);
  if (arguments.ttl_seconds > 0) {
    writer.Key("ttlSeconds").Int(arguments.ttl_seconds);
  }
  writer.EndObject();
  MS_TRY(const JsonDocument document,
         client.Call(http::Method::kPost, PathOf(hash) + "/pin", body));
  if (arguments.json) {
    return PrintJson(document);
  }
  PrintSession(document.root()["session"]);
  return 0;
}

Result<int> Unpin(const AdminClient& client, const Arguments& arguments) {
  MS_TRY(const std::string hash, Find(client, arguments));
  MS_TRY(const JsonDocument document,
         client.Call(http::Method::kPost, PathOf(hash) + "/unpin", "{}"));
  if (arguments.json) {
    return PrintJson(document);
  }
  std::cout << "unpinned; the session's next request is routed anew\n";
  return 0;
}

Result<int> SetVtc(const AdminClient& client, const Arguments& arguments) {
  MS_TRY(const std::string hash, Find(client, arguments));
  const bool on = arguments.on_or_off == "on";
  MS_TRY(const JsonDocument document,
         client.Call(http::Method::kPost, PathOf(hash) + "/vtc",
                     on ? R"({"enabled":true})" : R"({"enabled":false})"));
  if (arguments.json) {
    return PrintJson(document);
  }
  std::cout << (on ? "tool calls in the text of the session's answers count from now on\n"
                   : "tool calls in the text of the session's answers are text from now on\n");
  return 0;
}

// --- the command line ---

using Action = Result<int> (*)(const AdminClient&, const Arguments&);

CLI::App* Add(CLI::App& parent, const std::string& name, const std::string& description,
              Action action, const std::shared_ptr<Arguments>& arguments, int& exit_code) {
  CLI::App* command = parent.add_subcommand(name, description);
  AdminClient::Declare(*command, arguments->admin);
  command->add_flag("--json", arguments->json, "Print the answer of the API as it is");
  command->callback([action, arguments, &exit_code] {
    Result<int> code = action(AdminClient(arguments->admin), *arguments);
    exit_code = code ? *code : Fail(code.error());
  });
  return command;
}

// A variable of a shell that is not set must not widen what a command does.
std::string NotEmpty(const std::string& text) {
  return text.empty() ? "must not be empty" : "";
}

CLI::Option* AddId(CLI::App& command, Arguments& arguments) {
  command.add_option("--caller", arguments.caller, "Whose session, when ID is a raw id of several");
  command.add_option("--tenant", arguments.tenant, "The tenant that a raw id belongs to");
  return command
      .add_option("ID", arguments.id,
                  "x-mainstay-session of an answer, or the session id that the client sends")
      ->check(&NotEmpty);
}

void AddList(CLI::App& parent, const std::shared_ptr<Arguments>& arguments, int& exit_code) {
  CLI::App* list = Add(parent, "list", "The sessions, pinned or not", &List, arguments, exit_code);
  list->add_option("--limit", arguments->limit, "Rows of one page, 1 to 1000")
      ->capture_default_str();
  list->add_option("--cursor", arguments->cursor, "Go on where the page before ended");
  list->add_option("--caller", arguments->caller, "Only those of this caller");
  list->add_option("--model", arguments->model,
                   "Only those that are pinned to this model, or were served by it last");
  list->add_option("--account", arguments->account, "Only those that are bound to this account");
  list->add_option("--search", arguments->search, "Part of the hash, or a whole session id");
  list->add_option("--tenant", arguments->tenant, "The tenant of the id that is searched for");
}

}  // namespace

void AddSessions(CLI::App& app, int& exit_code) {
  CLI::App* sessions =
      app.add_subcommand("sessions", "List, show, evict and pin the sessions of a running gateway");
  sessions->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  AddList(*sessions, arguments, exit_code);
  AddId(*Add(*sessions, "show", "All that is known of a session", &Show, arguments, exit_code),
        *arguments)
      ->required();
  CLI::App* evict = Add(*sessions, "evict", "Forget a session; its next request begins a new one",
                        &Evict, arguments, exit_code);
  CLI::Option* id = AddId(*evict, *arguments);
  CLI::Option* all_of =
      evict->add_option("--all-of", arguments->all_of, "Forget all sessions of this caller");
  id->excludes(all_of);
  all_of->check(&NotEmpty);
  evict->parse_complete_callback([id, all_of] {
    if (id->empty() && all_of->empty()) {
      throw CLI::RequiredError("ID or --all-of");
    }
  });
  CLI::App* pin =
      Add(*sessions, "pin", "Hold a session to another model", &Pin, arguments, exit_code);
  AddId(*pin, *arguments)->required();
  pin->add_option("--model", arguments->model, "The model")->required();
  pin->add_option("--ttl", arguments->ttl_seconds,
                  "Seconds until the pin ends; without it, routing.session_ttl_seconds")
      ->check(CLI::PositiveNumber);
  AddId(*Add(*sessions, "unpin", "Route the session's next request anew", &Unpin, arguments,
             exit_code),
        *arguments)
      ->required();
  CLI::App* vtc =
      Add(*sessions, "vtc", "Say whether a session's client has its tools called in text", &SetVtc,
          arguments, exit_code);
  AddId(*vtc, *arguments)->required();
  vtc->add_option("on|off", arguments->on_or_off, "Whether it does")
      ->required()
      ->check(CLI::IsMember({"on", "off"}));
}

}  // namespace mainstay::cli
