// Thousands of requests in all shapes, through faults of every kind, from clients that come and go.
// Nothing here looks at a single answer's details; it looks at what must hold whatever happens.
#include <map>
#include <set>

#include "base/random.h"
#include "support/world.h"

namespace mainstay {
namespace {

using namespace std::chrono_literals;
using fake_provider::Action;
using fake_provider::Ending;
using support::Answer;
using support::Answers;
using support::Client;
using support::End;
using support::Post;
using support::PostChunked;
using support::World;

constexpr int kReplicas = 3;
constexpr int kConnections = 150;
constexpr std::string_view kKey = "key-chaos";

gateway::Options Config(int replicas, int64_t connections_per_worker) {
  gateway::Options options = support::Replicas(replicas);
  options.server.limits = {.body_bytes = 1'000'000,
                           .header_timeout = 5s,
                           .body_timeout = 5s,
                           .idle_timeout = 10s,
                           .stream_buffer_bytes = 4096};
  options.catalog.providers[0].timeouts = {
      .connect = 1s, .first_byte = 2s, .idle = 2s, .total = 20s};
  options.catalog.providers[0].keep_alive = {.connections_per_worker = connections_per_worker,
                                             .idle = 3s};
  identity::CallerOptions caller{.name = "chaos", .max_concurrency = 10'000};
  caller.keys.emplace_back(std::string(kKey));
  options.identity.callers = {caller};
  return options;
}

class Chaos final {
 public:
  explicit Chaos(uint64_t seed) : random_(seed), world_(Config(kReplicas, 2), Recording()) {
    for (int number = 1; number <= kReplicas; ++number) {
      world_.provider(number).limits.idle_timeout = 2500ms;
      world_.provider(number).On().By(
          [this](const fake_provider::Question& question) { return RandomAction(question); });
    }
  }

  void Run() {
    for (int i = 0; i < kConnections; ++i) {
      RandomNetwork();
      people_.push_back(std::make_unique<Person>(world_.Connect()));
      for (int step = 0; step < 8; ++step) {
        Step(*people_[random_.Below(people_.size())]);
      }
      if (Chance(20)) {
        world_.provider(static_cast<int>(1 + random_.Below(kReplicas))).server.CloseAll();
      }
      if (Chance(30)) {
        world_.Reload(Config(static_cast<int>(1 + random_.Below(kReplicas)),
                             static_cast<int64_t>(random_.Below(4))));
      }
    }
    for (const auto& person : people_) {
      person->client.Resume();
    }
    world_.Advance(300s);
  }

  void Check() {
    for (const support::SeenExchange& exchange : world_.exchanges()) {
      EXPECT_TRUE(exchanges_.emplace(exchange.client_request_id, &exchange).second);
      EXPECT_NE(exchange.lifecycle, Lifecycle::kInProgress);
      EXPECT_LE(exchange.attempts.size(), static_cast<size_t>(kReplicas));
    }
    for (const auto& person : people_) {
      CheckPerson(*person);
    }
    CheckProviders();
    EXPECT_EQ(world_.client_connections(), 0);
    EXPECT_EQ(world_.plane().pool().idle(), 0);
    const auto caller = world_.snapshot().callers.Find(kKey);
    EXPECT_EQ(caller.value()->use->running.load(), 0);
  }

  size_t whole_answers() const { return whole_answers_; }
  size_t cut_answers() const { return cut_answers_; }
  size_t exchanges() const { return world_.exchanges().size(); }

 private:
  // A client, and what it asked for.
  struct Person {
    explicit Person(Client client_in) : client(std::move(client_in)) {}
    Client client;
    std::vector<std::string> ids;  // of its requests, in order
    std::string methods;           // see ReadAnswers
    std::string rest;              // of a request that is sent in pieces
    bool left = false;
  };

  static fake_provider::Options Recording() { return {.record_calls = 100'000}; }

  bool Chance(uint64_t one_in) { return random_.Below(one_in) == 0; }

  void RandomNetwork() {
    const auto link = [&] {
      const size_t queues[] = {100, 4096, 64 << 10};
      const size_t chunks[] = {7, 1000, SIZE_MAX, SIZE_MAX};
      return io::MemoryLink{.latency = std::chrono::milliseconds(random_.Below(3)),
                            .queue_bytes = queues[random_.Below(3)],
                            .chunk_bytes = chunks[random_.Below(4)]};
    };
    world_.SetClientLink(link());
    for (int number = 1; number <= kReplicas; ++number) {
      io::MemoryLink to_provider = link();
      if (Chance(10)) {
        to_provider.dial =
            Chance(2) ? io::MemoryLink::Dial::kRefused : io::MemoryLink::Dial::kBlackHole;
      }
      if (Chance(10)) {
        to_provider.reset_after_to_dialler = random_.Below(3000);
      }
      if (Chance(10)) {
        to_provider.reset_after_to_acceptor = random_.Below(3000);
      }
      world_.SetProviderLink(to_provider, number);
    }
  }

  // Good answers say what was asked, so that nobody can get somebody else's.
  Action RandomAction(const fake_provider::Question& question) {
    Action action{.text = "reply to " + question.request.last_user.substr(0, 40)};
    if (Chance(3)) {
      action.gap = std::chrono::milliseconds(random_.Below(300));
    }
    if (Chance(4)) {
      action.write_bytes = static_cast<int64_t>(1 + random_.Below(200));
      action.gap = action.gap.value_or(0us) / 50;
    }
    if (Chance(5)) {
      action.delay = std::chrono::milliseconds(random_.Below(2500));
    }
    if (Chance(6)) {
      *action.text += " " + std::string(random_.Below(20'000), 'l');
    }
    if (Chance(8)) {
      action.gzip = fake_provider::Gzip::kIfAsked;
    }
    if (Chance(8)) {
      const int statuses[] = {400, 404, 408, 422, 429, 500, 502, 503, 529};
      action.status = statuses[random_.Below(std::size(statuses))];
    }
    if (Chance(30)) {
      action.head_bytes = static_cast<int64_t>(random_.Below(100'000));
    }
    if (Chance(4)) {
      const Ending endings[] = {Ending::kReset, Ending::kClose, Ending::kHang, Ending::kGarbage};
      action.end = endings[random_.Below(4)];
      if (Chance(2)) {
        // One that hangs behind a whole answer would not see the end of its connection, where that
        // waits behind bytes that are not read.
        action.after_bytes = random_.Below(action.end == Ending::kHang ? 100 : 3000);
      } else if (Chance(2)) {
        action.after_events = random_.Below(5);
      }
      if (action.end == Ending::kHang) {
        action.gzip = fake_provider::Gzip::kNo;
      }
    } else if (Chance(20) && question.request.stream == Streaming::kNo) {
      action.content_length = random_.Below(1000);
    }
    return action;
  }

  std::string RandomRequest(Person& person) {
    const std::string id = "id" + std::to_string(++requests_);
    const std::string headers = "x-request-id: " + id + "\r\nauthorization: Bearer " +
                                std::string(kKey) + "\r\n" +
                                (Chance(4) ? "accept-encoding: gzip\r\n" : "") +
                                (Chance(15) ? "connection: close\r\n" : "");
    person.ids.push_back(id);
    if (Chance(12)) {
      const bool head = Chance(2);
      person.methods += head ? 'H' : 'G';
      return (head ? "HEAD" : "GET") + std::string(Chance(2) ? " /healthz" : " /v1/nothing") +
             " HTTP/1.1\r\nhost: g\r\n" + headers + "\r\n";
    }
    person.methods += 'P';
    std::string text = id + ".";
    if (Chance(6)) {
      text += std::string(random_.Below(50'000), 't');
    }
    const std::string body =
        Chance(20) ? "{broken" : support::Chat(Chance(2) ? R"(,"stream":true)" : "", text);
    return Chance(3) ? PostChunked(body, 1 + random_.Below(3000), headers) : Post(body, headers);
  }

  void Step(Person& person) {
    if (person.left) {
      return;
    }
    switch (random_.Below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        if (person.rest.empty()) {
          person.rest = RandomRequest(person);
        }
        SendRest(person, Chance(3) ? random_.Below(300) : SIZE_MAX);
        break;
      case 4:
        world_.Advance(std::chrono::milliseconds(random_.Below(400)));
        break;
      case 5:
        world_.Run();
        break;
      case 6:
        person.client.Pause();
        break;
      case 7:
      case 8:
        person.client.Resume();
        break;
      case 9:
        if (Chance(4)) {
          person.left = true;
          Chance(2) ? person.client.Close() : person.client.Reset();
        }
        break;
    }
  }

  void SendRest(Person& person, size_t bytes) {
    person.client.Send(std::string_view(person.rest).substr(0, bytes));
    person.rest.erase(0, std::min(bytes, person.rest.size()));
  }

  // Answers in the order of the requests, up to one that is cut or says that it is the last; and
  // whoever gets fewer can tell.
  void CheckPerson(const Person& person) {
    const Answers answers = person.client.answers(person.methods);
    const bool cut = !answers.list.empty() && !answers.list.back().whole;
    ASSERT_LE(answers.list.size(), person.ids.size());
    for (size_t i = 0; i < answers.list.size(); ++i) {
      CheckAnswer(answers.list[i], person.ids[i]);
      EXPECT_TRUE(answers.list[i].whole || i + 1 == answers.list.size());
      EXPECT_TRUE(!answers.list[i].closes() || i + 1 == answers.list.size());
    }
    if (person.left) {
      return;  // it may have got anything up to there
    }
    EXPECT_NE(person.client.end(), End::kOpen) << "every time-out is over";
    // A HEAD request that is refused before its head was understood is answered with a body.
    const bool closes = !answers.list.empty() && answers.list.back().closes();
    if (!cut && !closes && person.client.end() != End::kReset) {
      EXPECT_EQ(answers.rest, "");
    }
    for (size_t i = 0; i < person.ids.size(); ++i) {
      const auto exchange = exchanges_.find(person.ids[i]);
      if (exchange != exchanges_.end()) {
        CheckServed(*exchange->second, answers, i, person.client.end());
      }
    }
  }

  // What the gateway says of a request that it took is what its client saw.
  static void CheckServed(const support::SeenExchange& exchange, const Answers& answers, size_t at,
                          End end) {
    SCOPED_TRACE(exchange.client_request_id);
    const Answer* answer = at < answers.list.size() ? &answers.list[at] : nullptr;
    const bool broken = answer == nullptr || !answer->whole;
    if (exchange.lifecycle == Lifecycle::kCompleted ||
        (exchange.lifecycle == Lifecycle::kFailed && !broken)) {
      ASSERT_NE(answer, nullptr);
      EXPECT_TRUE(answer->whole);
      EXPECT_EQ(answer->status, exchange.status);
    } else if (broken) {
      EXPECT_EQ(end, End::kReset);
    } else {
      EXPECT_NE(answer->body.find("data: {\"error\":{"), std::string::npos);
      EXPECT_EQ(end, End::kEnded);
    }
  }

  void CheckAnswer(const Answer& answer, const std::string& id) {
    ++(answer.whole ? whole_answers_ : cut_answers_);
    if (!answer.Has("x-request-id")) {
      EXPECT_FALSE(answer.whole);
      return;
    }
    // A request that was refused before its head was understood has no id of its own.
    if (answer.status != 408 && answer.status != 400) {
      EXPECT_EQ(answer.Header("x-request-id"), id);
    }
    EXPECT_EQ(answer.Count("x-mainstay-request-id"), 1);
    const bool readable = answer.Header("content-encoding").empty() && answer.whole;
    const size_t reply = answer.body.find("id", answer.body.find("reply"));
    if (readable && answer.status == 200 && reply != std::string::npos &&
        answer.Header("content-type").starts_with("application/json")) {
      const std::string named = answer.body.substr(reply, id.size() + 1);
      EXPECT_TRUE((id + ".").starts_with(named)) << named << " to " << id;
    }
    if (readable && answer.Header("content-type").starts_with("text/event-stream") &&
        !answer.Header("x-mainstay-attempts").empty()) {
      EXPECT_TRUE(answer.body.ends_with("\n\n")) << answer.body.substr(answer.body.size() / 2);
    }
  }

  // Each target has got each request at most once, and as it was meant for it.
  void CheckProviders() {
    for (size_t number = 1; number <= world_.provider_count(); ++number) {
      const support::Provider& provider = world_.provider(static_cast<int>(number));
      std::set<std::string_view> ids;
      for (const fake_provider::Call& call : provider.calls()) {
        const std::string_view id = call.Header("x-request-id");
        EXPECT_TRUE(ids.insert(id).second) << id << " came twice to replica " << number;
        EXPECT_NE(call.body.find("\"" + std::string(id) + "."), std::string::npos) << id;
        EXPECT_NE(call.state, fake_provider::CallState::kOpen) << id;
      }
      EXPECT_EQ(provider.connections(), 0);
    }
  }

  Random random_;
  World world_;
  std::vector<std::unique_ptr<Person>> people_;
  std::map<std::string, const support::SeenExchange*> exchanges_;  // by the client's id
  int requests_ = 0;
  size_t whole_answers_ = 0;
  size_t cut_answers_ = 0;
};

class ChaosTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ChaosTest, WhateverHappensNobodyIsDeceived) {
  const uint64_t seed = GetParam();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Chaos chaos(seed);
  chaos.Run();
  chaos.Check();
  // Otherwise nothing was tested.
  EXPECT_GT(chaos.exchanges(), 100U);
  EXPECT_GT(chaos.whole_answers(), 100U);
  EXPECT_GT(chaos.cut_answers(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace mainstay
