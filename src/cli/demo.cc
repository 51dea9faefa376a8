#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/request_id.h"
#include "cli/commands.h"
#include "cli/demo/agent.h"
#include "cli/demo/chat.h"
#include "cli/demo/http_client.h"
#include "cli/demo/report.h"
#include "cli/demo/world.h"

namespace mainstay::cli {
namespace {

using demo::HttpReply;
using demo::HttpRequest;

constexpr int kHttpOk = 200;

// 32 digits that no other run has.
std::string RandomHex() {
  std::array<char, 32> digits{};
  Random random = Random::FromSystem();
  FillRandomHex(digits, random);
  return {digits.data(), digits.size()};
}

// The agent: one conversation that grows by a question and an answer in each step.
class Agent final {
 public:
  Agent(io::EpollLoop& loop, const demo::World& world, std::string session_id)
      : loop_(loop), world_(world) {
    run_.session_id = std::move(session_id);
    messages_.push_back({.role = "system", .content = demo::Briefing(RandomHex())});
  }

  io::Task<Result<demo::RunOutcome>> Run() {
    for (const demo::Step& step : demo::Steps()) {
      messages_.push_back({.role = "user", .content = std::string(step.question)});
      const HttpRequest request = MakeRequest();
      const Result<HttpReply> reply = co_await demo::Send(loop_, world_.gateway_peer(), request);
      if (!reply) {
        co_return reply.error();
      }
      if (Result<void> taken = Take(step, *reply); !taken) {
        co_return std::move(taken).error();
      }
    }
    co_return std::move(run_);
  }

 private:
  HttpRequest MakeRequest() const {
    HttpRequest request{
        .path = "/v1/chat/completions", .headers = {}, .body = demo::ChatBody("auto", messages_)};
    if (run_.pinned()) {
      request.headers.emplace_back("x-session-id", run_.session_id);
    }
    return request;
  }

  Result<void> Take(const demo::Step& step, const HttpReply& reply) {
    if (reply.status != kHttpOk) {
      return Error{.message = std::string(step.title) + ": status " + std::to_string(reply.status) +
                              ", " + std::string(reply.body())};
    }
    MS_TRY(demo::ChatAnswer answer, demo::ReadChatAnswer(reply.body()));
    const Model* const model = world_.catalog().Find(reply.model);
    const auto cost = model == nullptr ? std::nullopt : model->Cost(answer.usage);
    if (!cost) {
      return Error{.message = std::string(step.title) + ": it is not known what it cost"};
    }
    messages_.push_back({.role = "assistant", .content = answer.text});
    run_.steps.push_back({.title = std::string(step.title),
                          .model = std::move(answer.model),
                          .text = std::move(answer.text),
                          .usage = answer.usage,
                          .cost = *cost});
    return {};
  }

  io::EpollLoop& loop_;
  const demo::World& world_;
  std::vector<demo::Message> messages_;
  demo::RunOutcome run_;
};

size_t ModelWidth(const Catalog& catalog) {
  size_t width = 0;
  for (const auto& model : catalog.models()) {
    width = std::max(width, model->upstream_name.size());
  }
  return width;
}

// Both runs; prints each when it is over.
io::Task<Result<void>> RunTwice(io::EpollLoop& loop, const demo::World& world) {
  const size_t width = ModelWidth(world.catalog());
  for (const int number : {1, 2}) {
    Agent agent(loop, world, number == 1 ? "" : RandomHex());
    const Result<demo::RunOutcome> run = co_await agent.Run();
    if (!run) {
      co_return run.error();
    }
    std::cout << (number == 1 ? "" : "\n") << demo::RunReport(number, *run, width) << std::flush;
    if ((demo::Switches(*run) == 0) != run->pinned()) {
      co_return Error{.message = run->pinned() ? "the pinned session has changed its model"
                                               : "the router has chosen one model for all steps"};
    }
    if (run->pinned()) {
      std::cout << "\n" << demo::FinalReport(*run) << std::flush;
    }
  }
  co_return Result<void>();
}

io::Task<void> RunAndStop(io::EpollLoop& loop, demo::World& world, Result<void>& result) {
  result = co_await RunTwice(loop, world);
  world.Drain([&loop] { loop.Stop(); });
}

int Demo() {
  io::EpollLoop loop;
  demo::World world(loop);
  Result<void> result = world.Start();
  if (result) {
    loop.Post([&] { io::Spawn(RunAndStop(loop, world, result)); });
    loop.Run();
  }
  if (!result) {
    std::cerr << "mainstay: " << result.error().message << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

void AddDemo(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "demo", "Run an agent of five steps without and with a session id, offline");
  command->callback([&exit_code] { exit_code = Demo(); });
}

}  // namespace mainstay::cli
