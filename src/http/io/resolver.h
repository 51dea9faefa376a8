#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/io/socket_address.h"
#include "http/io/stream.h"
#include "http/io/task.h"
#include "http/io/timer.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace mainstay::io {

class EpollLoop;

enum class ResolveStatus : uint8_t {
  kOk,
  kNotFound,  // the name does not exist or has no address
  kFailed,    // no name server gave an answer that could be used
  kTimeout,   // the caller's deadline passed
  kCancelled,
};

struct ResolveResult {
  ResolveStatus status = ResolveStatus::kFailed;
  std::vector<SocketAddress> addresses;  // port 0, most preferable first; not empty with kOk
  MonoTime expires = kNever;             // until when the same answer is given again
  std::string detail;                    // for logs: why there are none
};

struct ResolverOptions {
  // What c-ares takes: "192.0.2.1:53,192.0.2.2". Empty: /etc/resolv.conf.
  std::string servers;
  // Per server and try; c-ares doubles it with every round over the servers.
  std::chrono::milliseconds try_timeout{2'000};
  int tries = 3;
  // Bounds of how long an answer is used, whatever its records say. The upper one is what lets a
  // provider move its traffic within a minute.
  std::chrono::milliseconds ttl_min{1'000};
  std::chrono::milliseconds ttl_max{60'000};
  // How long a failure is repeated instead of asking again.
  std::chrono::milliseconds failure_ttl{1'000};
  // Names held, answered or asked for. When all of them are being asked for, Resolve gives kFailed.
  size_t entries_max = 1024;
};

// Turns host names into addresses, on the loop's thread and without blocking it (reading
// /etc/hosts aside, which comes before the name servers). Answers are kept for their time to live;
// look-ups of one name at one time share a query.
class Resolver final {
 public:
  // More addresses of one name are not looked at.
  static constexpr size_t kAddressesMax = 16;

  Resolver(EpollLoop& loop, ResolverOptions options);
  // Nobody may be waiting.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Literal addresses and localhost (with its sub-domains) are answered without a query. A dot at
  // the end makes a name absolute; others may be completed by the search list of resolv.conf. A
  // caller that gives up does not end the query: its answer serves the next one.
  Task<ResolveResult> Resolve(std::string host, MonoTime deadline, CancelScope& scope);

  // Queries sent to c-ares so far: names answered from the cache do not count.
  int64_t queries() const { return queries_; }

 private:
  struct Entry;
  class Waiting;
  class Socket;
  class QueryTimer;

  bool OpenChannel();
  void CloseChannel();
  Entry* StartQuery(const std::string& name);
  bool MakeRoom();
  void OnAnswer(Entry& entry, int status, ares_addrinfo* answer);
  void OnSocketState(int fd, int readable, int writable);
  void Process(int readable_fd, int writable_fd);
  void SetTimer();
  void ResumeAnswered();

  EpollLoop& loop_;
  const ResolverOptions options_;
  ares_channeldata* channel_ = nullptr;
  MonoTime channel_opened_{};
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  std::unordered_map<int, std::unique_ptr<Socket>> sockets_;
  std::unique_ptr<QueryTimer> timer_;
  std::vector<Entry*> answered_;  // their waiters have yet to be resumed
  int64_t queries_ = 0;
  int64_t running_ = 0;
};

}  // namespace mainstay::io
