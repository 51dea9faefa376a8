#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/text_table.h"
#include "config/files.h"

namespace mainstay::cli {
namespace {

constexpr size_t kRequestBytesMax = 32 << 20;
constexpr std::string_view kTarget = "/routing/v1/chat/completions?explain=1";
// A router model may take its time, and so may the requests before this one.
constexpr std::chrono::seconds kTimeout{60};

struct Arguments {
  GatewayAddress gateway{.url = "http://127.0.0.1:12000"};
  std::string text;
  std::string file;
  std::string model = "auto";
  std::vector<std::string> headers;
  bool json = false;
};

struct Meaning {
  std::string_view word;
  std::string_view meaning;
};

// x-mainstay-reason in words (spec 11.6). What is not here is shown as it is.
constexpr Meaning kReasons[] = {
    {"pin_hit", "the session is pinned to this model"},
    {"pin_set", "the route was chosen, and the session is pinned from now on"},
    {"pinned_model_removed", "the session's model is gone or not allowed; it was routed anew"},
    {"decision_matched", "the route was chosen for this request"},
    {"no_match", "no route matched: the requested or default model"},
    {"requested_model", "the request names the model, and nothing else decides"},
    {"default_model", "the request leaves the choice, and the default serves"},
    {"router_unavailable", "the router did not answer: the requested or default model"},
    {"route_off", "x-mainstay-route: off: the requested model"},
    {"forced_account", "an operator's force decides"},
    {"decision_bypass", "the decision that matched bypasses the session's memory"},
    {"failover:context_window", "the first choice has too small a context window"},
    {"failover:capability_tools", "the first choice cannot use tools"},
    {"failover:capability_vision", "the first choice cannot see images"},
    {"failover:capability_audio", "the first choice cannot take audio"},
    {"failover:capability_json", "the first choice cannot answer in JSON"},
    {"failover:cooldown", "the first choice is cooling down"},
    {"failover:disabled", "the first choice is disabled"},
};

constexpr Meaning kPins[] = {
    {"set", "pinned by this request"},
    {"hit", "pinned before"},
    {"repinned", "the pin moved to this model"},
    {"failover", "pinned to another model, which stays"},
    {"off", "pinning is off for this request"},
    {"none", "not pinned"},
};

// x-mainstay-continuity in words (spec 03 §2).
constexpr Meaning kContinuities[] = {
    {"off", "nobody looked which conversation it belongs to"},
    {"explicit", "an id names its session or conversation"},
    {"new", "it begins a conversation"},
    {"extend", "it goes on with a known conversation"},
    {"retry", "it was asked before, just now"},
    {"branch", "it leaves a known conversation at an earlier point"},
    {"compact", "the end of a known conversation behind another beginning"},
    {"auxiliary", "a request about a known conversation, such as for its title"},
    {"ambiguous", "several conversations go equally well, so it begins a new one"},
};

template <size_t kSize>
std::string WithMeaning(const std::string& word, const Meaning (&table)[kSize]) {
  const auto found = std::ranges::find(table, word, &Meaning::word);
  return found == std::end(table) ? word : word + ": " + std::string(found->meaning);
}

// --- the question ---

Error BadInput(std::string message) {
  return {.kind = ErrorKind::kInvalidField, .side = Side::kClient, .message = std::move(message)};
}

Result<std::string> ReadBody(const Arguments& arguments) {
  std::string body;
  if (arguments.file.empty()) {
    json::Writer writer(body);
    writer.BeginObject().Key("model").String(arguments.model).Key("messages").BeginArray();
    writer.BeginObject().Key("role").String("user").Key("content").String(arguments.text);
    writer.EndObject().EndArray().EndObject();
    return body;
  }
  if (arguments.file == "-") {
    body.assign(std::istreambuf_iterator<char>(std::cin), {});
    return body;
  }
  Result<std::string> read = config::ReadFileFromDisk(arguments.file, kRequestBytesMax);
  return read ? std::move(read) : BadInput(arguments.file + ": " + read.error().message);
}

// Header lines of the command line, and those that belong to every such request.
Result<std::vector<std::string>> Headers(const Arguments& arguments) {
  std::vector<std::string> lines;
  bool has_credential = false;
  for (const std::string& line : arguments.headers) {
    const size_t colon = line.find(':');
    const std::string_view name = std::string_view(line).substr(0, std::min(colon, line.size()));
    if (colon == std::string::npos || name.empty() || name.find(' ') != std::string_view::npos ||
        line.find_first_of("\r\n") != std::string::npos) {
      return BadInput("-H wants 'name: value', not '" + line + "'");
    }
    const http::HeaderId id = http::FindHeaderId(name);
    if (http::IsHopByHop(id) || id == http::HeaderId::kHost ||
        id == http::HeaderId::kContentLength) {
      return BadInput("-H cannot set " + std::string(name));
    }
    has_credential =
        has_credential || id == http::HeaderId::kAuthorization || id == http::HeaderId::kXApiKey;
    lines.push_back(line);
  }
  lines.emplace_back("content-type: application/json");
  if (const char* const key = std::getenv("MAINSTAY_API_KEY"); key != nullptr && !has_credential) {
    lines.push_back("authorization: Bearer " + std::string(key));
  }
  return lines;
}

// --- the answer ---

std::string Numbers(const JsonValue& object) {
  std::string text;
  for (const auto& [name, value] : object.members()) {
    text += (text.empty() ? "" : "  ") + name + " " +
            (value.is_object() ? "(" + Numbers(value) + ")" : value.text());
  }
  return text;
}

void PrintList(std::string_view title, const TextTable& table, bool empty) {
  std::cout << title << (empty ? "  none\n" : "\n");
  if (!empty) {
    table.Print(std::cout, 2);
  }
}

void PrintDecision(const JsonValue& decision, const GatewayAnswer& answer) {
  const std::vector<JsonValue> models = decision["models"].elements();
  TextTable facts;
  facts.Add({"model", models.empty() ? "none" : models.front().text()});
  facts.Add({"reason", WithMeaning(decision["reason"].text(), kReasons)});
  const JsonValue route = decision["route"];
  facts.Add({"decision", route.is_null() ? "none" : route.text()});
  facts.Add({"requested", decision["requested_model"].text()});
  const JsonValue session = decision["session_id"];
  const std::string hash(answer.Header("x-mainstay-session"));
  facts.Add({"session", session.is_null() ? "none" : session.text()});
  if (!hash.empty()) {
    facts.Add({"", hash + " from " + std::string(answer.Header("x-mainstay-session-source"))});
  }
  if (const std::string_view said = answer.Header("x-mainstay-continuity"); !said.empty()) {
    facts.Add({"continuity", WithMeaning(std::string(said), kContinuities)});
    const std::string_view conversation = answer.Header("x-mainstay-conversation");
    if (!conversation.empty()) {
      facts.Add({"", std::string(conversation)});
    }
    if (const JsonValue found = decision["continuity"]; found.is_object()) {
      const JsonValue by = found["chosen_by"];
      const std::string considered = found["candidates"].text() + " candidates";
      facts.Add({"", by.is_null() ? considered + ", none goes on"
                                  : found["matched_length"].text() + " messages matched, " +
                                        considered + ", chosen by " + by.text()});
    }
  }
  facts.Add({"pin", WithMeaning(decision["pin"].text(), kPins)});
  std::string others;
  for (size_t i = 1; i < models.size(); ++i) {
    others += (others.empty() ? "" : ", ") + models[i].text();
  }
  facts.Add({"then", others.empty() ? "no other model" : others});
  facts.Print(std::cout);

  TextTable candidates;
  const std::vector<JsonValue> ranked = decision["candidates"].elements();
  for (const JsonValue& candidate : ranked) {
    candidates.Add({candidate["model"].text(), "score " + candidate["score"].text(),
                    Numbers(candidate["terms"])});
  }
  PrintList("candidates", candidates, ranked.empty());
  TextTable dropped;
  const std::vector<JsonValue> left_out = decision["dropped"].elements();
  for (const JsonValue& candidate : left_out) {
    dropped.Add({candidate["model"].text(), candidate["reason"].text()});
  }
  PrintList("dropped", dropped, left_out.empty());
  TextTable signals;
  const auto values = decision["signals"].members();
  for (const auto& [name, value] : values) {
    signals.Add({name, value.is_object() ? Numbers(value) : value.text()});
  }
  if (!values.empty()) {
    PrintList("signals", signals, false);
  }
}

Result<int> Explain(const Arguments& arguments) {
  GatewayRequest request{
      .method = http::Method::kPost, .target = std::string(kTarget), .timeout = kTimeout};
  MS_TRY(request.body, ReadBody(arguments));
  MS_TRY(request.headers, Headers(arguments));
  MS_TRY(const GatewayAnswer answer, AskGateway(arguments.gateway, request));
  const std::optional<JsonDocument> document = JsonDocument::Parse(answer.body);
  if (!document) {
    return BadInput("the answer of " + arguments.gateway.url +
                    " is no JSON: is this the gateway's server.listen?");
  }
  if (arguments.json) {
    std::cout << document->text() << "\n";
    return answer.status == 200 ? 0 : 1;
  }
  const JsonValue root = document->root();
  if (answer.status != 200) {
    const JsonValue error = root["error"];
    return BadInput("the gateway answers " + std::to_string(answer.status) + " " +
                    error["code"].text() + ": " + error["message"].text());
  }
  PrintDecision(root, answer);
  return 0;
}

}  // namespace

void AddExplain(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "explain", "Ask a running gateway which model a request would get, and why");
  command->footer(
      "No provider is called. A session is pinned as by the request itself; -H 'x-mainstay-pin: "
      "off'\n"
      "leaves it alone.");
  auto arguments = std::make_shared<Arguments>();
  CLI::Option* text =
      command->add_option("TEXT", arguments->text, "What a user says, as the only message");
  CLI::Option* file = command->add_option("-f,--file", arguments->file,
                                          "A chat request as JSON; - reads it from standard input");
  text->excludes(file);
  command->add_option("-m,--model", arguments->model, "The requested model, when TEXT is given")
      ->capture_default_str()
      ->excludes(file);
  command
      ->add_option("-H,--header", arguments->headers,
                   "A header of the request, such as 'x-session-id: s1'; may be repeated. "
                   "The key is MAINSTAY_API_KEY, unless a header brings one")
      ->allow_extra_args(false);
  command->add_option("--url", arguments->gateway.url, "The gateway's server.listen")
      ->capture_default_str();
  command->add_option("--ca-file", arguments->gateway.ca_file,
                      "An authority to trust besides the system's (PEM)");
  command->add_flag("--json", arguments->json, "Print the gateway's answer as it is");
  command->parse_complete_callback([text, file] {
    if (text->empty() && file->empty()) {
      throw CLI::RequiredError("TEXT or --file");
    }
  });
  command->final_callback([arguments, &exit_code] {
    Result<int> code = Explain(*arguments);
    exit_code = code ? *code : Fail(code.error());
  });
}

}  // namespace mainstay::cli
