// What handlers can do with an exchange, and how the server behaves around them. Requests as
// clients send them are tested in tests/integration.
#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/io/memory_loop.h"

namespace mainstay::http {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Answers every request with a function of the test.
class Scripted final : public Handler {
 public:
  using Function = std::function<io::Task<void>(ServerExchange&)>;

  explicit Scripted(Function function) : function_(std::move(function)) {}

  io::Task<void> Handle(ServerExchange& exchange) override { return function_(exchange); }
  io::Task<void> Refuse(const Error& error, ServerExchange& exchange) override {
    refused.push_back({error.kind, exchange.head() != nullptr});
    exchange.BeginHead(400);
    co_await exchange.SendWhole("no", Persistence::kClose);
  }

  struct Refused {
    ErrorKind kind;
    bool has_head;
  };
  std::vector<Refused> refused;

 private:
  const Function function_;
};

// A server with clients that send and read whole texts.
class World {
 public:
  explicit World(Scripted::Function function, const io::MemoryLink& link = {})
      : handler_(std::move(function)),
        server_(std::make_unique<Server>(loop_, limits_, handler_, shared_)) {
    loop_.SetLink("server:1", link);
    listener_ = loop_.Listen({.host = "server", .port = 1}, *server_).value();
  }
  ~World() {
    listener_.reset();
    clients_.clear();
    if (server_ != nullptr) {
      server_->CloseAll();
      loop_.RunUntilIdle();
    }
  }

  struct Client {
    std::unique_ptr<io::Stream> stream;
    std::string received;
    io::IoStatus end = io::IoStatus::kWouldBlock;  // while the connection is open
  };

  Client& Connect() {
    auto client = std::make_unique<Client>();
    io::Spawn(Dial(*client));
    loop_.RunUntilIdle();
    clients_.push_back(std::move(client));
    return *clients_.back();
  }
  void Send(Client& client, std::string_view bytes) {
    const iovec piece{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    client.stream->TryWrite(&piece, 1);
    loop_.RunUntilIdle();
  }
  // Reads what has come, and notes how the connection ended.
  std::string_view Read(Client& client) {
    loop_.RunUntilIdle();
    char bytes[4096];
    while (true) {
      const io::IoResult result = client.stream->TryRead(bytes, sizeof bytes);
      if (result.status != io::IoStatus::kOk) {
        client.end = result.status;
        return client.received;
      }
      client.received.append(bytes, result.bytes);
      loop_.RunUntilIdle();
    }
  }
  // The answer to one request on a connection of its own.
  Client& Ask(std::string_view request) {
    Client& client = Connect();
    Send(client, request);
    Read(client);
    return client;
  }

  io::MemoryLoop& loop() { return loop_; }
  Server& server() { return *server_; }
  Scripted& handler() { return handler_; }
  void DestroyServer() { server_.reset(); }
  void StopListening() { listener_.reset(); }

 private:
  io::Task<void> Dial(Client& client) {
    io::CancelScope scope;
    const io::Peer peer{.host = "server", .port = 1};
    io::DialResult dialled = co_await loop_.Dial(peer, io::kNever, scope);
    client.stream = std::move(dialled.stream);
  }

  io::MemoryLoop loop_;
  Limits limits_;
  SharedCounts shared_;
  Scripted handler_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<io::Listener> listener_;
  std::vector<std::unique_ptr<Client>> clients_;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: s\r\n\r\n";
constexpr std::string_view kHead = "HEAD / HTTP/1.1\r\nhost: s\r\n\r\n";
constexpr std::string_view kOld = "GET / HTTP/1.0\r\n\r\n";
constexpr std::string_view kOldKeepAlive = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";

// --- how an answer is framed ---

struct FramingCase {
  const char* name;
  std::string_view request;
  int status;
  std::optional<uint64_t> length;
  Persistence persistence;
  std::string_view answer;  // behind the status line
  bool open;                // afterwards
};

TEST(AnswerTest, IsFramedForItsRequest) {
  constexpr auto kKeep = Persistence::kKeepAlive;
  const FramingCase rows[] = {
      {"a length", kGet, 200, 3, kKeep, "content-length: 3\r\n\r\nabc", true},
      {"no length", kGet, 200, std::nullopt, kKeep,
       "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true},
      {"to be closed", kGet, 200, 3, Persistence::kClose,
       "content-length: 3\r\nconnection: close\r\n\r\nabc", false},
      {"HEAD", kHead, 200, 3, kKeep, "content-length: 3\r\n\r\n", true},
      {"HEAD without a length", kHead, 200, std::nullopt, kKeep,
       "transfer-encoding: chunked\r\n\r\n", true},
      {"204", kGet, 204, 3, kKeep, "\r\n", true},
      {"204 without a length", kGet, 204, std::nullopt, kKeep, "\r\n", true},
      {"304", kGet, 304, std::nullopt, kKeep, "\r\n", true},
      {"HTTP/1.0", kOld, 200, 3, kKeep, "content-length: 3\r\nconnection: close\r\n\r\nabc", false},
      {"HTTP/1.0 without a length", kOld, 200, std::nullopt, kKeep, "connection: close\r\n\r\nabc",
       false},
      {"HTTP/1.0 keep-alive", kOldKeepAlive, 200, 3, kKeep,
       "content-length: 3\r\nconnection: keep-alive\r\n\r\nabc", true},
      {"HTTP/1.0 keep-alive without a length", kOldKeepAlive, 200, std::nullopt, kKeep,
       "connection: close\r\n\r\nabc", false},
  };
  for (const FramingCase& row : rows) {
    SCOPED_TRACE(row.name);
    World world([&](ServerExchange& exchange) -> io::Task<void> {
      exchange.BeginHead(row.status);
      exchange.EndHead(row.length, row.persistence);
      const std::string_view body = "abc";
      exchange.Write({&body, 1}, Last::kYes);
      co_return;
    });
    World::Client& client = world.Ask(row.request);
    EXPECT_EQ(client.received.substr(client.received.find("\r\n") + 2), row.answer);
    EXPECT_EQ(client.end, row.open ? io::IoStatus::kWouldBlock : io::IoStatus::kEnd);
  }
}

TEST(AnswerTest, AnEmptyPieceDoesNotEndAChunkedBody) {
  World world([](ServerExchange& exchange) -> io::Task<void> {
    exchange.BeginHead(200);
    exchange.EndHead(std::nullopt, Persistence::kKeepAlive);
    exchange.Write({}, Last::kNo);  // the head alone
    const std::string_view pieces[] = {"", "a", "", "b"};
    exchange.Write({pieces, 1}, Last::kNo);
    exchange.Write(pieces, Last::kNo);
    exchange.Write({}, Last::kYes);
    co_return;
  });
  World::Client& client = world.Ask(kGet);
  EXPECT_THAT(client.received, ::testing::EndsWith("\r\n\r\n2\r\nab\r\n0\r\n\r\n"));
}

TEST(AnswerTest, ManyPiecesGoThroughANarrowLink) {
  World world(
      [](ServerExchange& exchange) -> io::Task<void> {
        exchange.BeginHead(200);
        exchange.EndHead(std::nullopt, Persistence::kKeepAlive);
        std::vector<std::string> texts;
        std::vector<std::string_view> pieces;
        for (size_t i = 0; i < ServerExchange::kPiecesMax; ++i) {
          texts.push_back(std::to_string(i) + ",");
        }
        pieces.assign(texts.begin(), texts.end());
        for (const Last last : {Last::kNo, Last::kYes}) {
          if (exchange.Write(pieces, last) == io::IoStatus::kWouldBlock) {
            EXPECT_EQ(co_await exchange.Drain(), io::IoStatus::kOk);
          }
        }
      },
      {.queue_bytes = 40});
  std::string once;
  for (size_t i = 0; i < ServerExchange::kPiecesMax; ++i) {
    once += std::to_string(i) + ",";
  }
  World::Client& client = world.Ask(kGet);
  EXPECT_THAT(client.received, HasSubstr("\r\n" + once + "\r\n"));
  EXPECT_THAT(client.received, ::testing::EndsWith(once + "\r\n0\r\n\r\n"));
}

// --- handlers that do not answer as they should ---

struct MisbehaviourCase {
  const char* name;
  Scripted::Function handler;
  std::string_view answer;  // the beginning of it
  io::IoStatus end;
};

TEST(HandlerTest, WhatItLeavesUnsaidTheConnectionSays) {
  const MisbehaviourCase rows[] = {
      {"no answer", [](ServerExchange&) -> io::Task<void> { co_return; }, "", io::IoStatus::kReset},
      {"a head only",
       [](ServerExchange& exchange) -> io::Task<void> {
         exchange.BeginHead(200);
         exchange.EndHead(3, Persistence::kKeepAlive);
         exchange.Write({}, Last::kNo);
         co_return;
       },
       "HTTP/1.1 200", io::IoStatus::kReset},
      {"aborted",
       [](ServerExchange& exchange) -> io::Task<void> {
         exchange.BeginHead(200);
         co_await exchange.SendWhole("abc", Persistence::kKeepAlive);
         exchange.Abort();
       },
       "HTTP/1.1 200", io::IoStatus::kReset},
      {"closed afterwards",
       [](ServerExchange& exchange) -> io::Task<void> {
         exchange.BeginHead(200);
         co_await exchange.SendWhole("abc", Persistence::kKeepAlive);
         exchange.CloseAfter();
       },
       "HTTP/1.1 200", io::IoStatus::kEnd},
      {"raw bytes",
       [](ServerExchange& exchange) -> io::Task<void> {
         exchange.WriteRaw("whatever", Last::kYes);
         exchange.CloseAfter();
         co_return;
       },
       "whatever", io::IoStatus::kEnd},
  };
  for (const MisbehaviourCase& row : rows) {
    SCOPED_TRACE(row.name);
    World world(row.handler);
    World::Client& client = world.Ask(kGet);
    EXPECT_THAT(client.received, StartsWith(row.answer));
    EXPECT_EQ(client.end, row.end);
    EXPECT_EQ(world.server().counts().connections, 0);
  }
}

TEST(HandlerTest, HearsThatItsClientLeft) {
  io::IoStatus slept = io::IoStatus::kOk;
  World world([&](ServerExchange& exchange) -> io::Task<void> {
    slept = co_await exchange.loop().Sleep(1h, exchange.scope());
  });
  World::Client& client = world.Connect();
  world.Send(client, kGet);
  client.stream.reset();
  world.loop().RunUntilIdle();
  EXPECT_EQ(slept, io::IoStatus::kCancelled);
  EXPECT_EQ(world.server().counts().connections, 0);
}

TEST(HandlerTest, IsToldOfARefusalWithoutAHeadWhenThereWasNone) {
  World world([](ServerExchange&) -> io::Task<void> { co_return; });
  world.Ask("GET / HTTP/1.1\r\nhost: s\r\n folded\r\n\r\n");
  world.Ask("GET / HTTP/1.1\r\nhost: s\r\nexpect: tea\r\n\r\n");
  ASSERT_EQ(world.handler().refused.size(), 2U);
  EXPECT_EQ(world.handler().refused[0].kind, ErrorKind::kBadFraming);
  EXPECT_FALSE(world.handler().refused[0].has_head);
  EXPECT_EQ(world.handler().refused[1].kind, ErrorKind::kExpectationFailed);
  EXPECT_TRUE(world.handler().refused[1].has_head);
}

// --- the end of a server ---

TEST(ServerEndTest, MayBeDestroyedWhenItHasDrained) {
  World world([](ServerExchange& exchange) -> io::Task<void> {
    co_await exchange.loop().Sleep(1s, exchange.scope());
    exchange.BeginHead(200);
    co_await exchange.SendWhole("ok", Persistence::kKeepAlive);
  });
  World::Client& client = world.Connect();
  world.Send(client, kGet);
  world.StopListening();
  bool drained = false;
  world.server().Drain([&] {
    drained = true;
    world.DestroyServer();
  });
  EXPECT_FALSE(drained);
  world.loop().Advance(1s);
  EXPECT_TRUE(drained);
  EXPECT_THAT(std::string(world.Read(client)), HasSubstr("connection: close\r\n\r\nok"));
}

// A handler that goes on without its connection must not keep the others open.
TEST(ServerEndTest, CloseAllReachesEveryConnection) {
  io::CancelScope nobodys;
  World world([&](ServerExchange& exchange) -> io::Task<void> {
    const bool stubborn = exchange.head()->target == "/stubborn";
    co_await exchange.loop().Sleep(1h, stubborn ? nobodys : exchange.scope());
  });
  std::vector<World::Client*> clients;
  for (const char* target : {"/", "/stubborn", "/", "/"}) {
    clients.push_back(&world.Connect());
    world.Send(*clients.back(), "GET " + std::string(target) + " HTTP/1.1\r\nhost: s\r\n\r\n");
  }
  clients.push_back(&world.Connect());  // idle
  world.Send(*clients.emplace_back(&world.Connect()), "GET /stubborn");
  // The stubborn one as the newest, too, which is closed first.
  clients.push_back(&world.Connect());
  EXPECT_EQ(world.server().counts().connections, 7);
  world.Send(*clients.back(), kGet);
  world.server().CloseAll();
  EXPECT_EQ(world.server().counts().connections, 1);
  nobodys.Cancel();
  world.loop().RunUntilIdle();
  EXPECT_EQ(world.server().counts().connections, 0);
  for (World::Client* client : clients) {
    world.Read(*client);
    EXPECT_EQ(client->end, io::IoStatus::kReset);
  }
}

TEST(ServerEndTest, CloseAllPassesOverAStubbornHandlerAtTheEnd) {
  io::CancelScope nobodys;
  World world([&](ServerExchange& exchange) -> io::Task<void> {
    co_await exchange.loop().Sleep(1h, nobodys);
  });
  world.Connect();
  world.Send(world.Connect(), kGet);
  world.server().CloseAll();
  EXPECT_EQ(world.server().counts().connections, 1);
  nobodys.Cancel();
}

}  // namespace
}  // namespace mainstay::http
