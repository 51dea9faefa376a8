// Where bytes are cut on their way makes no difference.
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using support::Answer;
using support::Chat;
using support::ChatStream;
using support::Client;
using support::Event;
using support::kDone;
using support::kUsageEvent;
using support::Post;
using support::PostChunked;
using support::World;

// --- requests ---

struct RequestRow {
  const char* name;
  std::string request;
  std::string body;  // as the provider is to get it
};

TEST(SplitTest, ARequestIsTheSameInAnyTwoParts) {
  // What reaches the provider: the model by its name there.
  const std::string sent = Chat(R"(,"temperature":1)", "hello", "small");
  const std::string body = Chat(R"(,"temperature":1)");
  const RequestRow rows[] = {
      {"sized", Post(body, "x-a: 1\r\n"), sent},
      {"chunked", PostChunked(body, 20, "x-a: 1\r\n"), sent},
      {"chunked with extension and trailer",
       PostChunked(body, 1000)
               .insert(PostChunked(body, 1000).find("\r\n\r\n") + 6, ";a=\"b\"")
               .substr(0, PostChunked(body, 1000).size() + 4) +
           "x-t: 1\r\n\r\n",
       sent},
  };
  for (const RequestRow& row : rows) {
    SCOPED_TRACE(row.name);
    World world;
    Client client = world.Connect();
    for (size_t split = 1; split < row.request.size(); ++split) {
      client.Send(row.request.substr(0, split));
      world.Run();
      client.Send(row.request.substr(split));
      world.Run();
      ASSERT_EQ(client.answer().status, 200) << "split at " << split << ": " << client.received();
      ASSERT_EQ(world.provider().calls().back().body, row.body) << "split at " << split;
      ASSERT_EQ(world.provider().calls().back().Header("x-a"),
                row.request.find("x-a") == std::string::npos ? "" : "1");
      client.Forget();
    }
    EXPECT_EQ(world.plane().server_counts().accepted, 1);
    EXPECT_EQ(world.plane().pool().counts().dialed, 1);
  }
}

// The second request begins in the read that ends the first one, or just behind it.
TEST(SplitTest, TwoRequestsAreTheSameInAnyTwoParts) {
  for (const bool chunked : {false, true}) {
    const std::string one = chunked ? PostChunked(Chat(), 30) : Post(Chat());
    const std::string both = one + one;
    World world;
    Client client = world.Connect();
    for (size_t split = one.size() - 20; split < one.size() + 60; ++split) {
      client.Send(both.substr(0, split));
      world.Run();
      client.Send(both.substr(split));
      world.Run();
      ASSERT_EQ(client.answers().list.size(), 2U) << "split at " << split;
      ASSERT_EQ(client.answers().list[1].status, 200) << "split at " << split;
      client.Forget();
    }
  }
}

// A body that comes with its head, in reads of many sizes, with another request before and behind.
TEST(SplitTest, LargeBodiesInReadsOfAnySize) {
  for (const size_t body_bytes : {16'000, 16'384, 70'000, 1'500'000}) {
    for (const size_t piece : {16'000, 16'384, 65'536}) {
      World world;
      world.SetClientLink({.chunk_bytes = piece});
      const std::string text(body_bytes, 'x');
      const std::string request = Post(Chat("", text), "x-request-id: before\r\n") +
                                  PostChunked(Chat("", text), 5000, "x-request-id: behind\r\n") +
                                  Post(Chat(), "x-request-id: last\r\n");
      fake_provider::Action action{.text = "ok"};
      world.provider().On().Do(action);
      Client client = world.Ask(request);
      const support::Answers answers = client.answers();
      ASSERT_EQ(answers.list.size(), 3U);
      EXPECT_EQ(answers.list[0].Header("x-request-id"), "before");
      EXPECT_EQ(answers.list[1].Header("x-request-id"), "behind");
      EXPECT_EQ(answers.list[2].Header("x-request-id"), "last");
      for (const Answer& answer : answers.list) {
        EXPECT_EQ(answer.status, 200);
      }
      for (const fake_provider::Call& call : world.provider().calls()) {
        EXPECT_EQ(call.prompt_tokens > 100, &call != &world.provider().calls().back());
      }
    }
  }
}

// --- answers ---

struct AnswerRow {
  const char* name;
  std::string raw;   // as the provider sends it
  std::string body;  // as the client gets it
  Answer::Framing framing;
  int64_t events = 0;
};

std::string InChunks(std::string_view body, size_t chunk_bytes) {
  const std::string request = PostChunked(body, chunk_bytes);
  return request.substr(request.find("\r\n\r\n") + 4);
}

std::vector<AnswerRow> AnswerRows() {
  const std::string json = R"({"id":"a","choices":[],"usage":{"prompt_tokens":7,)"
                           R"("completion_tokens":3,"total_tokens":10}})";
  const std::string type = "content-type: application/json\r\n";
  const std::string stream = "content-type: text/event-stream\r\n";
  const std::string before = ": hi\n\n" + Event("a") + Event("b");
  const std::string behind(kDone);
  const std::string usage(kUsageEvent);
  return {
      {"length",
       "HTTP/1.1 200 OK\r\n" + type + "content-length: " + std::to_string(json.size()) +
           "\r\n\r\n" + json,
       json, Answer::Framing::kLength},
      {"chunked",
       "HTTP/1.1 200 OK\r\n" + type + "transfer-encoding: chunked\r\n\r\n" + InChunks(json, 10),
       json, Answer::Framing::kChunked},
      {"until_close", "HTTP/1.1 200 OK\r\n" + type + "\r\n" + json, json,
       Answer::Framing::kChunked},
      {"behind_interim_heads",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 "
       "OK\r\n" +
           type + "content-length: " + std::to_string(json.size()) + "\r\n\r\n" + json,
       json, Answer::Framing::kLength},
      {"stream",
       "HTTP/1.1 200 OK\r\n" + stream + "transfer-encoding: chunked\r\n\r\n" +
           InChunks(before + usage + behind, 100),
       before + behind, Answer::Framing::kChunked, 4},
      {"stream_until_close", "HTTP/1.0 200 OK\r\n" + stream + "\r\n" + before + usage + behind,
       before + behind, Answer::Framing::kChunked, 4},
      {"stream_without_its_last_line_end",
       "HTTP/1.0 200 OK\r\n" + stream + "\r\n" + before + usage + "data: [DONE]",
       before + "data: [DONE]", Answer::Framing::kChunked, 3},
  };
}

TEST(SplitTest, AnAnswerIsTheSameWhereverItIsCut) {
  for (const AnswerRow& row : AnswerRows()) {
    SCOPED_TRACE(row.name);
    World world;
    const bool stream = row.events > 0;
    for (size_t piece = 1; piece <= row.raw.size(); ++piece) {
      fake_provider::Script script;
      script.On({}).Do({.raw = row.raw, .gap = 1us, .write_bytes = static_cast<int64_t>(piece)});
      world.provider().fake.SetScript(std::move(script));
      Client client = world.Ask(Post(stream ? ChatStream() : Chat()));
      world.Advance(1s);
      const Answer answer = client.answer();
      ASSERT_EQ(answer.status, 200) << "pieces of " << piece;
      ASSERT_TRUE(answer.whole) << "pieces of " << piece;
      ASSERT_EQ(answer.body, row.body) << "pieces of " << piece;
      ASSERT_EQ(answer.framing, row.framing);
      ASSERT_EQ(world.exchange().usage.prompt, 7) << "pieces of " << piece;
      ASSERT_EQ(world.exchange().usage.completion, 3) << "pieces of " << piece;
      ASSERT_EQ(world.exchange().events, row.events) << "pieces of " << piece;
      ASSERT_EQ(world.exchange().lifecycle, Lifecycle::kCompleted);
    }
  }
}

// Both links in small pieces, and a client that takes little at a time.
TEST(SplitTest, AStreamThroughNarrowLinks) {
  for (const size_t chunk : {size_t{1}, size_t{3}, size_t{100}, SIZE_MAX}) {
    for (const size_t queue : {size_t{1}, size_t{10}, size_t{200}}) {
      World world;
      world.SetClientLink({.queue_bytes = queue, .chunk_bytes = chunk});
      world.SetProviderLink({.queue_bytes = queue * 3, .chunk_bytes = chunk});
      std::string stream;
      for (int i = 0; i < 12; ++i) {
        stream += Event(std::string(static_cast<size_t>(i * i), 'e'));
      }
      world.provider().On().Do({.body = stream + std::string(kUsageEvent) + std::string(kDone)});
      Client client = world.Ask(Post(ChatStream()));
      EXPECT_TRUE(client.answer().whole);
      EXPECT_EQ(client.answer().body, stream + std::string(kDone));
      EXPECT_EQ(world.exchange().usage.prompt, 7);
    }
  }
}

}  // namespace
}  // namespace mainstay
