// The origin: a scripted provider that answers every POST with the same chat completion, or with a
// paced stream of events when the body asks for one, at as little CPU as it can, so that what is
// measured is the proxy in front of it.
//
//   origin [--port 0] [--answer-bytes 1024] [--event-bytes 250] [--gap-us 2000] [--tick-us 2000]
//
// A stream has as many content events as the request's `max_tokens` says. Every --tick-us each
// stream whose last event is --gap-us ago sends its next one: with a tick as long as the gap the
// streams send in one burst, as a busy proxy meets them; with a short tick each event comes alone.
// With --gap-us 0 events go out as fast as the connection takes them.
//
// The first line on stdout is `listening PORT`. SIGTERM or SIGINT ends it with one JSON object of
// totals.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "flags.h"
#include "payloads.h"

namespace mainstay::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kHeadBytesMax = 64 * 1024;
// `max_tokens` and `stream` are among the last members of the workload's bodies, so the end of the
// body is enough to find them in; searching 64 KB would cost more than the rest of the answer.
constexpr size_t kTailBytes = 160;

struct Options {
  uint16_t port = 0;
  size_t answer_bytes = 0;
  size_t event_bytes = 0;
  std::chrono::microseconds gap{0};
  std::chrono::microseconds tick{0};
};

Options ReadOptions(int argc, char** argv) {
  Flags flags(argc, argv);
  Options options;
  options.port = static_cast<uint16_t>(flags.Int("port", 0, 0));
  options.answer_bytes = static_cast<size_t>(flags.Int("answer-bytes", 1024, 700));
  options.event_bytes = static_cast<size_t>(flags.Int("event-bytes", 250, 200));
  options.gap = std::chrono::microseconds(flags.Int("gap-us", 2000, 0));
  options.tick = std::chrono::microseconds(flags.Int("tick-us", 2000, 20));
  flags.RefuseUnknown();
  return options;
}

std::string AsChunk(std::string_view data) {
  char size[20];
  std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

// What goes over the wire, made once.
struct Script {
  explicit Script(const Options& options) {
    const std::string body = ChatAnswer(options.answer_bytes);
    answer =
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) +
        "\r\nopenai-processing-ms: 412\r\nx-request-id: req_3f1c9a07b2d84e55\r\n\r\n" + body;
    const StreamScript stream = MakeStreamScript(options.event_bytes);
    stream_first =
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Content-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        "Transfer-Encoding: chunked\r\nopenai-processing-ms: 412\r\n"
        "x-request-id: req_3f1c9a07b2d84e55\r\n\r\n" +
        AsChunk(stream.first);
    stream_event = AsChunk(stream.event);
    stream_last = AsChunk(stream.last) + "0\r\n\r\n";
  }

  std::string answer;
  std::string stream_first;
  std::string stream_event;
  std::string stream_last;
};

struct Connection {
  explicit Connection(int descriptor) : socket(descriptor) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(socket); }

  int socket;
  std::string head;      // An incomplete request head; usually empty.
  size_t body_left = 0;  // Bytes of the current body still to come.
  bool in_body = false;
  std::string tail;    // The last bytes of the body so far.
  std::string unsent;  // What the socket did not take; the next tick tries again.
  bool streaming = false;
  int64_t events_left = 0;
  Clock::time_point due;
};

// Serves on the calling thread until a signal ends it.
class Origin final {
 public:
  explicit Origin(const Options& options) : options_(options), script_(options), buffer_(1 << 18) {}

  // Returns the process status.
  int Run();

 private:
  enum class Verdict { kKeep, kClose };

  uint16_t Listen();
  void Add(int descriptor, uint32_t events);
  void ArmTimer(std::chrono::microseconds period);
  void Accept();
  Verdict Receive(Connection& connection);
  Verdict TakeHead(Connection& connection, std::string_view& data);
  void TakeBody(Connection& connection, std::string_view& data);
  Verdict Answer(Connection& connection);
  Verdict Send(Connection& connection, std::string_view bytes);
  Verdict Advance(Connection& connection, Clock::time_point now);
  void TickFor(Connection& connection);
  void Tick();
  void Close(Connection& connection);

  const Options options_;
  const Script script_;
  int epoll_ = -1;
  int listener_ = -1;
  int timer_ = -1;
  int signals_ = -1;
  bool ticking_ = false;
  std::vector<char> buffer_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> streams_;  // Those with something still to send.
  int64_t accepted_ = 0;
  int64_t answers_ = 0;
  int64_t streams_started_ = 0;
  int64_t streams_aborted_ = 0;
  int64_t events_ = 0;
};

void Origin::Add(int descriptor, uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
}

uint16_t Origin::Listen() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr generic{};
  socklen_t size = sizeof(generic);
  std::memcpy(&generic, &address, sizeof(generic));
  if (bind(listener_, &generic, size) != 0 || listen(listener_, 4096) != 0) {
    return 0;
  }
  getsockname(listener_, &generic, &size);
  std::memcpy(&address, &generic, sizeof(address));
  return ntohs(address.sin_port);
}

void Origin::ArmTimer(std::chrono::microseconds period) {
  itimerspec spec{};
  spec.it_interval.tv_sec = period.count() / 1'000'000;
  spec.it_interval.tv_nsec = period.count() % 1'000'000 * 1000;
  spec.it_value = spec.it_interval;
  timerfd_settime(timer_, 0, &spec, nullptr);
  ticking_ = period.count() > 0;
}

void Origin::Accept() {
  for (;;) {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      return;
    }
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections_.emplace(descriptor, std::make_unique<Connection>(descriptor));
    Add(descriptor, EPOLLIN);
    ++accepted_;
  }
}

void Origin::Close(Connection& connection) {
  if (connection.streaming) {
    ++streams_aborted_;
  }
  std::erase(streams_, &connection);
  connections_.erase(connection.socket);
}

Origin::Verdict Origin::Receive(Connection& connection) {
  const ssize_t size = recv(connection.socket, buffer_.data(), buffer_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Verdict::kKeep;
  }
  if (size <= 0) {
    return Verdict::kClose;
  }
  std::string_view data(buffer_.data(), static_cast<size_t>(size));
  while (!data.empty()) {
    if (!connection.in_body && TakeHead(connection, data) == Verdict::kClose) {
      return Verdict::kClose;
    }
    if (connection.in_body) {
      TakeBody(connection, data);
      if (connection.body_left == 0 && Answer(connection) == Verdict::kClose) {
        return Verdict::kClose;
      }
    }
  }
  return Verdict::kKeep;
}

// Returns the number that follows `name`, or -1 when there is none.
int64_t NumberAfter(std::string_view text, std::string_view name) {
  int64_t value = -1;
  if (const size_t at = text.find(name); at != std::string_view::npos) {
    std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value);
  }
  return value;
}

// Returns the value of Content-Length, or nothing usable (-1) when there is none.
int64_t ContentLength(std::string_view head) {
  constexpr std::string_view kName = "content-length:";
  for (size_t at = 0; (at = head.find('\n', at)) != std::string_view::npos;) {
    std::string_view line = head.substr(++at);
    if (line.size() > kName.size() && strncasecmp(line.data(), kName.data(), kName.size()) == 0) {
      line.remove_prefix(line.find_first_not_of(' ', kName.size()));
      int64_t value = -1;
      std::from_chars(line.data(), line.data() + line.size(), value);
      return value;
    }
  }
  return -1;
}

Origin::Verdict Origin::TakeHead(Connection& connection, std::string_view& data) {
  const size_t before = connection.head.size();
  std::string_view head = data;
  if (before > 0) {
    connection.head.append(data);
    head = connection.head;
  }
  const size_t end = head.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (before == 0) {
      connection.head.assign(data);
    }
    data = {};
    return connection.head.size() > kHeadBytesMax ? Verdict::kClose : Verdict::kKeep;
  }
  const int64_t length = ContentLength(head.substr(0, end + 2));
  const bool post = head.starts_with("POST ");
  data.remove_prefix(end + 4 - before);
  connection.head.clear();
  if (!post || length <= 0) {
    // Only sized POSTs belong to the workload; a proxy that sends anything else must be seen.
    Send(connection, "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n");
    return Verdict::kClose;
  }
  connection.in_body = true;
  connection.body_left = static_cast<size_t>(length);
  connection.tail.clear();
  return Verdict::kKeep;
}

void Origin::TakeBody(Connection& connection, std::string_view& data) {
  const std::string_view part = data.substr(0, connection.body_left);
  connection.body_left -= part.size();
  data.remove_prefix(part.size());
  if (part.size() >= kTailBytes) {
    connection.tail.assign(part.substr(part.size() - kTailBytes));
  } else {
    connection.tail.append(part);
    connection.tail.erase(0, connection.tail.size() - std::min(connection.tail.size(), kTailBytes));
  }
}

Origin::Verdict Origin::Answer(Connection& connection) {
  connection.in_body = false;
  if (connection.streaming || !connection.unsent.empty()) {
    return Verdict::kClose;  // A second request before the first is answered.
  }
  if (connection.tail.find("\"stream\":true") == std::string::npos) {
    ++answers_;
    return Send(connection, script_.answer);
  }
  ++streams_started_;
  ++events_;
  connection.streaming = true;
  connection.events_left = std::max<int64_t>(1, NumberAfter(connection.tail, "\"max_tokens\":"));
  // Clients that start together must not tick together: the golden ratio spreads the phases.
  connection.due =
      Clock::now() + options_.gap + options_.gap * (streams_started_ * 618 % 1000) / 1000;
  TickFor(connection);
  return Send(connection, script_.stream_first);
}

// From now on the timer looks at the connection, until it has nothing left to send.
void Origin::TickFor(Connection& connection) {
  if (std::find(streams_.begin(), streams_.end(), &connection) == streams_.end()) {
    streams_.push_back(&connection);
  }
  if (!ticking_) {
    ArmTimer(options_.tick);
  }
}

Origin::Verdict Origin::Send(Connection& connection, std::string_view bytes) {
  const ssize_t sent = send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    return Verdict::kClose;
  }
  const size_t taken = sent < 0 ? 0 : static_cast<size_t>(sent);
  if (taken < bytes.size()) {
    connection.unsent.assign(bytes.substr(taken));
    TickFor(connection);
  }
  return Verdict::kKeep;
}

// Sends what is due on one stream. One send per event, so that each is a packet of its own.
Origin::Verdict Origin::Advance(Connection& connection, Clock::time_point now) {
  if (!connection.unsent.empty()) {
    const std::string unsent = std::move(connection.unsent);
    connection.unsent.clear();
    const ssize_t sent = send(connection.socket, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
      return Verdict::kClose;
    }
    connection.unsent = unsent.substr(sent < 0 ? 0 : static_cast<size_t>(sent));
  }
  while (connection.streaming && connection.unsent.empty() && connection.due <= now) {
    // A late tick does not send a burst: the next event is due a whole gap after this one.
    connection.due = options_.gap.count() == 0
                         ? connection.due
                         : std::max(connection.due + options_.gap, now + options_.gap / 2);
    const bool last = connection.events_left == 0;
    connection.streaming = !last;
    events_ += last ? 3 : 1;
    --connection.events_left;
    if (Send(connection, last ? script_.stream_last : script_.stream_event) == Verdict::kClose) {
      return Verdict::kClose;
    }
  }
  return Verdict::kKeep;
}

void Origin::Tick() {
  uint64_t expirations = 0;
  if (read(timer_, &expirations, sizeof(expirations)) < 0) {
    return;
  }
  const Clock::time_point now = Clock::now();
  const std::vector<Connection*> streams = streams_;
  for (Connection* connection : streams) {
    if (Advance(*connection, now) == Verdict::kClose) {
      Close(*connection);
    } else if (!connection->streaming && connection->unsent.empty()) {
      std::erase(streams_, connection);
    }
  }
  if (streams_.empty()) {
    ArmTimer(std::chrono::microseconds(0));
  }
}

int Origin::Run() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  const uint16_t port = Listen();
  if (port == 0) {
    std::fprintf(stderr, "origin: cannot listen: %s\n", std::strerror(errno));
    return 1;
  }
  Add(listener_, EPOLLIN);
  Add(timer_, EPOLLIN);
  Add(signals_, EPOLLIN);
  std::printf("listening %d\n", port);
  std::fflush(stdout);
  for (;;) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = events[i].data.fd;
      if (descriptor == signals_) {
        std::printf(
            "{\"accepted\":%lld,\"answers\":%lld,\"streams\":%lld,\"streams_aborted\":%lld,"
            "\"events\":%lld}\n",
            static_cast<long long>(accepted_), static_cast<long long>(answers_),
            static_cast<long long>(streams_started_), static_cast<long long>(streams_aborted_),
            static_cast<long long>(events_));
        return 0;
      }
      if (descriptor == listener_) {
        Accept();
      } else if (descriptor == timer_) {
        Tick();
      } else if (const auto found = connections_.find(descriptor); found != connections_.end()) {
        if (Receive(*found->second) == Verdict::kClose) {
          Close(*found->second);
        }
      }
    }
  }
}

}  // namespace
}  // namespace mainstay::bench

int main(int argc, char** argv) {
  mainstay::bench::Origin origin(mainstay::bench::ReadOptions(argc, argv));
  return origin.Run();
}
