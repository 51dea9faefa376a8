// Pages of other origins: what a browser is told, and what it is not.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::Get;
using support::Post;
using support::World;

constexpr std::string_view kPage = "https://chat.example.com";
constexpr std::string_view kAsked = "authorization,content-type,x-mainstay-route,x-stainless-os";

gateway::Options With(std::vector<std::string> origins) {
  gateway::Options options = support::Replicas(1);
  options.server.cors = std::move(origins);
  return options;
}

std::string Origin(std::string_view origin) {
  return "origin: " + std::string(origin) + "\r\n";
}

std::string Options(std::string_view headers, std::string_view path = "/v1/chat/completions") {
  return "OPTIONS " + std::string(path) + " HTTP/1.1\r\nhost: g\r\n" + std::string(headers) +
         "\r\n";
}

std::string Preflight(std::string_view origin, std::string_view path = "/v1/chat/completions") {
  return Options(Origin(origin) + "access-control-request-method: POST\r\n" +
                     "access-control-request-headers: " + std::string(kAsked) + "\r\n",
                 path);
}

struct PreflightCase {
  const char* name;
  std::vector<std::string> origins;  // configured
  std::string request;
  // What the answer says; empty: nothing.
  std::string_view origin;
  std::string_view methods;
  std::string_view headers;
  bool varies = false;
};

std::vector<PreflightCase> PreflightCases() {
  const std::vector<std::string> page = {std::string(kPage)};
  const std::vector<std::string> pages = {"http://localhost:3000", std::string(kPage)};
  const std::string no_headers = Options(Origin(kPage) + "access-control-request-method: POST\r\n");
  return {
      {"off", {}, Preflight(kPage), "", "", ""},
      {"any_page", {"*"}, Preflight(kPage), "*", "POST, OPTIONS", kAsked},
      {"a_page_without_an_origin", {"*"}, Preflight("null"), "*", "POST, OPTIONS", kAsked},
      {"the_page", page, Preflight(kPage), kPage, "POST, OPTIONS", kAsked, true},
      {"the_second_page", pages, Preflight(kPage), kPage, "POST, OPTIONS", kAsked, true},
      {"another_page", pages, Preflight("https://evil.example"), "", "", "", true},
      {"another_port", pages, Preflight("http://localhost:3001"), "", "", "", true},
      {"another_scheme", page, Preflight("http://chat.example.com"), "", "", "", true},
      {"a_longer_name", page, Preflight("https://chat.example.com.evil"), "", "", "", true},
      {"no_origin", page, Preflight(""), "", "", "", true},
      {"another_route", page, Preflight(kPage, "/v1/models"), kPage, "GET, HEAD, OPTIONS", kAsked,
       true},
      {"no_headers_asked_for", page, no_headers, kPage, "POST, OPTIONS", "", true},
      {"no_preflight", page, Options(Origin(kPage)), kPage, "", "", true},
      {"no_browser", {"*"}, Options(""), "*", "", ""},
  };
}

TEST(PreflightTest, SaysWhatAPageMayDo) {
  for (const PreflightCase& row : PreflightCases()) {
    SCOPED_TRACE(row.name);
    World world(With(row.origins));
    Client client = world.Ask(row.request);
    const Answer answer = client.answer();
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.Header("access-control-allow-origin"), row.origin);
    EXPECT_EQ(answer.Header("access-control-allow-methods"), row.methods);
    EXPECT_EQ(answer.Header("access-control-allow-headers"), row.headers);
    EXPECT_EQ(answer.Header("access-control-max-age"), row.methods.empty() ? "" : "7200");
    EXPECT_EQ(answer.Header("vary"), row.varies ? "origin" : "");
    EXPECT_FALSE(answer.Has("access-control-allow-credentials"));
    EXPECT_FALSE(answer.Header("allow").empty());
    EXPECT_EQ(world.calls(), 0);
  }
}

// A preflight carries no key: it must not need one.
TEST(PreflightTest, NeedsNoKey) {
  gateway::Options options = With({"*"});
  options.identity.callers = {{.name = "team", .keys = {Secret("secret")}, .allow_models = {"*"}}};
  World world(options);
  Client client = world.Ask(Preflight(kPage) + Post(Chat(), Origin(kPage)));
  ASSERT_EQ(client.answers().list.size(), 2U);
  EXPECT_EQ(client.answers().list[0].status, 204);
  EXPECT_EQ(client.answers().list[1].status, 401);
  EXPECT_EQ(client.answers().list[1].Header("access-control-allow-origin"), "*")
      << "the page has to be able to read the error";
}

TEST(CorsTest, EveryAnswerMayBeRead) {
  struct Row {
    const char* name;
    std::string request;
    int status;
  };
  const std::string origin = Origin(kPage);
  const Row rows[] = {
      {"whole", Post(Chat(), origin), 200},
      {"stream", Post(ChatStream(), origin), 200},
      {"models", Get("/v1/models", origin), 200},
      {"bad request", Post("{", origin), 400},
      {"no such path", Get("/v1/nothing", origin), 404},
      {"no such method", Get("/v1/chat/completions", origin), 405},
      {"too large", Post(Chat("", std::string(5000, 'x')), origin), 413},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    for (const std::string_view allowed : {std::string_view("*"), kPage}) {
      gateway::Options options = With({std::string(allowed)});
      options.server.limits.body_bytes = 4000;
      World world(options);
      Client client = world.Ask(row.request);
      const Answer answer = client.answer();
      EXPECT_EQ(answer.status, row.status);
      EXPECT_TRUE(answer.whole);
      EXPECT_EQ(answer.Header("access-control-allow-origin"), allowed);
      EXPECT_EQ(answer.Header("access-control-expose-headers"), "*");
      EXPECT_EQ(answer.Count("access-control-allow-origin"), 1);
      EXPECT_EQ(answer.Header("vary"), allowed == "*" ? "" : "origin");
      EXPECT_FALSE(answer.Header("x-mainstay-request-id").empty());
    }
  }
}

TEST(CorsTest, IsSilentWhenItIsOffOrThePageIsAnother) {
  for (const bool off : {true, false}) {
    World world(With(off ? std::vector<std::string>() : std::vector{std::string(kPage)}));
    Client client = world.Ask(Post(Chat(), Origin("https://evil.example")));
    EXPECT_EQ(client.answer().status, 200);
    EXPECT_EQ(client.answer().Header("vary"), off ? "" : "origin");
    for (const auto& [name, value] : client.answer().headers) {
      EXPECT_FALSE(name.starts_with("access-control-")) << name;
    }
  }
}

// A provider speaks for its own address. Two lines of one name would make a browser refuse the
// answer, and a lone one would open a gateway that is to be closed to pages.
TEST(CorsTest, WhatAProviderAllowsDoesNotPass) {
  for (const bool off : {true, false}) {
    World world(With(off ? std::vector<std::string>() : std::vector{std::string(kPage)}));
    world.provider().On().Do({.headers = {{"Access-Control-Allow-Origin", "*"},
                                          {"access-control-expose-headers", "x-request-id"},
                                          {"vary", "accept-encoding"}}});
    Client client = world.Ask(Post(Chat(), Origin(kPage)));
    const Answer answer = client.answer();
    EXPECT_EQ(answer.Count("access-control-allow-origin"), off ? 0 : 1);
    EXPECT_EQ(answer.Header("access-control-allow-origin"), off ? "" : kPage);
    EXPECT_EQ(answer.Header("access-control-expose-headers"), off ? "" : "*");
    EXPECT_EQ(answer.Count("vary"), off ? 1 : 2);
  }
}

// Some providers refuse whatever a browser seems to have sent.
TEST(CorsTest, AProviderDoesNotHearOfThePage) {
  World world(With({"*"}));
  Client client = world.Ask(Post(Chat(), Origin(kPage)));
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(world.provider().calls().back().Header("origin"), "");
}

TEST(CorsTest, AReloadChangesIt) {
  World world(With({}));
  Client client = world.Ask(Preflight(kPage));
  EXPECT_FALSE(client.answer().Has("access-control-allow-origin"));
  world.Reload(With({std::string(kPage)}));
  world.Run();
  client.Forget();
  client.Send(Preflight(kPage));
  world.Run();
  EXPECT_EQ(client.answer().Header("access-control-allow-origin"), kPage);
}

}  // namespace
}  // namespace mainstay
