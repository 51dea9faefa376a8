// The load generator: keeps a number of keep-alive connections busy with chat requests, one request
// at a time each, checks every answer, and prints one JSON object with what it saw.
//
//   load --port P [--host 127.0.0.1] [--connections 64] [--requests N | --duration-ms D]
//        [--body-bytes 4096] [--answer-bytes 1024] [--sessions 1000] [--turns 4] [--first-turn 0]
//        [--stream-events N [--event-bytes 250] [--abort-after K]] [--stall-ms 20000]
//
// With --stream-events the requests ask for a stream of that many content events, and the latency
// is the one of the first event. With --abort-after the client closes each stream after K events,
// in turn gracefully and by reset. Status 0: every answer was as expected; 1: not, or stalled;
// 2: wrong usage.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "flags.h"
#include "histogram.h"
#include "payloads.h"
#include "response_reader.h"

namespace mainstay::bench {
namespace {

struct Options {
  std::string host;
  uint16_t port = 0;
  int64_t connections = 0;
  int64_t requests = 0;  // 0: until `duration` has passed.
  std::chrono::milliseconds duration{0};
  size_t body_bytes = 0;
  size_t answer_bytes = 0;
  int64_t sessions = 0;
  int64_t turns = 0;
  int64_t first_turn = 0;     // Continues the numbering of an earlier run: no conversation repeats.
  int64_t stream_events = 0;  // 0: no streaming.
  size_t event_bytes = 0;
  int64_t abort_after_events = 0;  // 0: streams are read to their end.
  std::chrono::milliseconds stall{0};
};

Options ReadOptions(int argc, char** argv) {
  Flags flags(argc, argv);
  Options options;
  options.host = flags.String("host", "127.0.0.1");
  options.port = static_cast<uint16_t>(flags.Int("port", 0, 1));
  options.connections = flags.Int("connections", 64, 1);
  options.requests = flags.Int("requests", 0, 0);
  options.duration = std::chrono::milliseconds(flags.Int("duration-ms", 1000, 1));
  options.body_bytes = static_cast<size_t>(flags.Int("body-bytes", 4096, 1));
  options.answer_bytes = static_cast<size_t>(flags.Int("answer-bytes", 1024, 700));
  options.sessions = flags.Int("sessions", 1000, 1);
  options.stream_events = flags.Int("stream-events", 0, 0);
  // A streamed answer is not the one that the later turns of the workload carry.
  options.turns = flags.Int("turns", options.stream_events > 0 ? 1 : 4, 1);
  options.first_turn = flags.Int("first-turn", 0, 0);
  options.event_bytes = static_cast<size_t>(flags.Int("event-bytes", 250, 200));
  options.abort_after_events = flags.Int("abort-after", 0, 0);
  options.stall = std::chrono::milliseconds(flags.Int("stall-ms", 20'000, 1));
  flags.RefuseUnknown();
  return options;
}

using Clock = std::chrono::steady_clock;

struct Totals {
  int64_t sent = 0;
  int64_t answered = 0;
  int64_t aborted = 0;
  int64_t events = 0;
  int64_t reads = 0;
  int64_t reconnects = 0;
  Histogram latency;
  std::string problem;  // The first one; it ends the run.
};

// One client connection. `request` is what it is sending or has sent.
struct Connection {
  Connection(int64_t number, const ResponseReader::Expected& expected)
      : index(number), reader(expected) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (socket >= 0) {
      close(socket);
    }
  }

  int64_t index;
  int socket = -1;
  std::string request;
  size_t sent_bytes = 0;
  bool busy = false;
  bool waits_for_space = false;
  bool first_event_seen = false;
  Clock::time_point started;
  ResponseReader reader;
};

// Runs the whole load on the calling thread.
class Loader final {
 public:
  explicit Loader(const Options& options);
  ~Loader() { close(epoll_); }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Returns when the wanted number or duration is reached and every answer is in, or at the first
  // problem.
  void Run();

  const Totals& totals() const { return totals_; }
  Clock::duration elapsed() const { return elapsed_; }

 private:
  bool good() const { return totals_.problem.empty(); }
  bool Fail(std::string why);
  bool Connect(Connection& connection);
  bool Reconnect(Connection& connection);
  void Watch(const Connection& connection, int operation, uint32_t events);
  bool WantsMore() const;
  bool StartNext(Connection& connection);
  bool Flush(Connection& connection);
  bool Receive(Connection& connection);
  bool Finish(Connection& connection);
  bool Abort(Connection& connection);

  const Options options_;
  const std::vector<RequestTemplate> requests_;
  const std::string answer_;
  int epoll_ = -1;
  int64_t in_flight_ = 0;
  Clock::time_point deadline_;
  Clock::time_point now_;  // Of the current batch of events: latencies start and end on it.
  Clock::duration elapsed_{};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<char> buffer_;
  Totals totals_;
};

ConversationShape ShapeOf(const Options& options) {
  return {.host = options.host + ":" + std::to_string(options.port),
          .body_bytes = options.body_bytes,
          .answer_bytes = options.answer_bytes,
          .turns = static_cast<size_t>(options.turns),
          .streaming = options.stream_events > 0 ? Streaming::kYes : Streaming::kNo,
          .max_tokens = options.stream_events > 0 ? options.stream_events : 1024};
}

Loader::Loader(const Options& options)
    : options_(options),
      requests_(MakeConversation(ShapeOf(options))),
      answer_(ChatAnswer(options.answer_bytes)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffer_(256 * 1024) {
  ResponseReader::Expected expected;
  if (options.stream_events > 0) {
    expected.stream_bytes = MakeStreamScript(options.event_bytes).Bytes(options.stream_events);
  } else {
    expected.body = answer_;
  }
  for (int64_t i = 0; i < options.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(i, expected));
  }
}

bool Loader::Fail(std::string why) {
  if (good()) {
    totals_.problem = std::move(why);
  }
  return false;
}

void Loader::Watch(const Connection& connection, int operation, uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = static_cast<uint64_t>(connection.index)}};
  epoll_ctl(epoll_, operation, connection.socket, &event);
}

bool Loader::Connect(Connection& connection) {
  connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr);
  sockaddr generic{};
  static_assert(sizeof(generic) == sizeof(address));
  std::memcpy(&generic, &address, sizeof(generic));
  if (connect(connection.socket, &generic, sizeof(generic)) != 0) {
    return Fail(std::string("connect: ") + std::strerror(errno));
  }
  const int on = 1;
  setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(connection.socket, F_SETFL, O_NONBLOCK);
  connection.waits_for_space = false;
  Watch(connection, EPOLL_CTL_ADD, EPOLLIN);
  return true;
}

bool Loader::Reconnect(Connection& connection) {
  close(connection.socket);  // Also takes it out of epoll.
  connection.socket = -1;
  ++totals_.reconnects;
  return Connect(connection);
}

bool Loader::WantsMore() const {
  return options_.requests > 0 ? totals_.sent < options_.requests : now_ < deadline_;
}

bool Loader::StartNext(Connection& connection) {
  if (!WantsMore()) {
    return true;
  }
  // Every session is visited in turn, and each visit is the next turn of its conversation; after
  // the last turn the session opens a new one.
  const int64_t visit = options_.first_turn + totals_.sent / options_.sessions;
  const int64_t session = totals_.sent % options_.sessions;
  const int64_t conversation = visit / options_.turns * options_.sessions + session;
  Personalize(requests_[static_cast<size_t>(visit % options_.turns)],
              static_cast<uint64_t>(session), static_cast<uint64_t>(conversation),
              connection.request);
  ++totals_.sent;
  ++in_flight_;
  connection.sent_bytes = 0;
  connection.busy = true;
  connection.first_event_seen = false;
  connection.started = Clock::now();
  return Flush(connection);
}

bool Loader::Flush(Connection& connection) {
  while (connection.sent_bytes < connection.request.size()) {
    const ssize_t sent = send(connection.socket, connection.request.data() + connection.sent_bytes,
                              connection.request.size() - connection.sent_bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) {
      if (!connection.waits_for_space) {
        connection.waits_for_space = true;
        Watch(connection, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
      }
      return true;
    }
    if (sent < 0) {
      return Fail(std::string("send: ") + std::strerror(errno));
    }
    connection.sent_bytes += static_cast<size_t>(sent);
  }
  if (connection.waits_for_space) {
    connection.waits_for_space = false;
    Watch(connection, EPOLL_CTL_MOD, EPOLLIN);
  }
  return true;
}

bool Loader::Receive(Connection& connection) {
  const ssize_t size = recv(connection.socket, buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (size <= 0) {
    if (connection.busy) {
      return Fail(size == 0 ? "connection closed before the answer was complete"
                            : std::string("recv: ") + std::strerror(errno));
    }
    return Reconnect(connection);  // An idle connection may be closed by the other side.
  }
  if (!connection.busy) {
    return Fail("bytes without a request");
  }
  ++totals_.reads;
  const auto progress = connection.reader.Take({buffer_.data(), static_cast<size_t>(size)});
  if (progress == ResponseReader::Progress::kBad) {
    return Fail(connection.reader.problem());
  }
  if (!connection.first_event_seen && connection.reader.events() > 0) {
    connection.first_event_seen = true;
    totals_.latency.Add((Clock::now() - connection.started).count());
  }
  if (progress == ResponseReader::Progress::kDone) {
    return Finish(connection);
  }
  if (options_.abort_after_events > 0 &&
      connection.reader.events() >= options_.abort_after_events) {
    return Abort(connection);
  }
  return true;
}

bool Loader::Finish(Connection& connection) {
  now_ = Clock::now();
  if (options_.stream_events == 0) {
    totals_.latency.Add((now_ - connection.started).count());
  }
  ++totals_.answered;
  --in_flight_;
  connection.busy = false;
  const bool must_close = connection.reader.must_close();
  connection.reader.Reset();
  if (must_close && !Reconnect(connection)) {
    return false;
  }
  return StartNext(connection);
}

bool Loader::Abort(Connection& connection) {
  now_ = Clock::now();
  if (totals_.aborted++ % 2 == 0) {
    const linger by_reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection.socket, SOL_SOCKET, SO_LINGER, &by_reset, sizeof(by_reset));
  }
  --in_flight_;
  connection.busy = false;
  connection.reader.Reset();
  return Reconnect(connection) && StartNext(connection);
}

void Loader::Run() {
  if (requests_.empty()) {
    Fail("--body-bytes is too small for so many --turns");
    return;
  }
  for (const auto& connection : connections_) {
    if (!Connect(*connection)) {
      return;
    }
  }
  const Clock::time_point begin = now_ = Clock::now();
  deadline_ = begin + options_.duration;
  for (const auto& connection : connections_) {
    StartNext(*connection);
  }
  epoll_event events[256];
  while (in_flight_ > 0 && good()) {
    const int count = epoll_wait(epoll_, events, 256, static_cast<int>(options_.stall.count()));
    if (count == 0) {
      Fail("stalled: " + std::to_string(in_flight_) + " answers are outstanding");
    }
    for (int i = 0; i < count && good(); ++i) {
      Connection& connection = *connections_[events[i].data.u64];
      if ((events[i].events & EPOLLOUT) != 0 && !Flush(connection)) {
        break;
      }
      if ((events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
        Receive(connection);
      }
    }
  }
  elapsed_ = Clock::now() - begin;
  for (const auto& connection : connections_) {
    totals_.events += connection->reader.events_total();
  }
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void Print(const Loader& loader) {
  const Totals& totals = loader.totals();
  const double seconds = std::chrono::duration<double>(loader.elapsed()).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto Micros = [&](double share) {
    return static_cast<double>(totals.latency.QuantileNs(share)) / 1000;
  };
  std::printf(
      "{\"workload\":%d,\"answered\":%lld,\"aborted\":%lld,\"events\":%lld,\"reads\":%lld,"
      "\"reconnects\":%lld,\"elapsed_s\":%.6f,\"cpu_s\":%.6f,"
      "\"per_s\":%.1f,"
      "\"latency_us\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}}\n",
      kWorkloadVersion, static_cast<long long>(totals.answered),
      static_cast<long long>(totals.aborted), static_cast<long long>(totals.events),
      static_cast<long long>(totals.reads), static_cast<long long>(totals.reconnects), seconds,
      SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime),
      static_cast<double>(totals.answered + totals.aborted) / seconds, Micros(0.5), Micros(0.9),
      Micros(0.99), static_cast<double>(totals.latency.max_ns()) / 1000);
}

}  // namespace
}  // namespace mainstay::bench

int main(int argc, char** argv) {
  mainstay::bench::Loader loader(mainstay::bench::ReadOptions(argc, argv));
  loader.Run();
  if (!loader.totals().problem.empty()) {
    std::fprintf(stderr, "load: %s (after %lld answers)\n", loader.totals().problem.c_str(),
                 static_cast<long long>(loader.totals().answered));
    return 1;
  }
  mainstay::bench::Print(loader);
  return 0;
}
