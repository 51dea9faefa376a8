#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/io/epoll_loop.h"
#include "http/io/resolver.h"

namespace mainstay::io::testing {

// What a name server says to a name.
struct FakeZone {
  enum class Mode { kAnswers, kNoSuchName, kServerFailure, kSilent, kGarbage };
  Mode mode = Mode::kAnswers;
  uint32_t ttl_s = 300;
  std::vector<std::string> addresses = {};  // of both families; none: the name has no addresses
};

// A name server for tests, on the loop under test: UDP on a port of its own.
class FakeDns final : public Pollable {
 public:
  FakeDns() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    MS_CHECK(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    MS_CHECK(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  FakeDns(const FakeDns&) = delete;
  FakeDns& operator=(const FakeDns&) = delete;
  ~FakeDns() { ::close(fd_); }

  ResolverOptions Options() const {
    return {.servers = "127.0.0.1:" + std::to_string(port_),
            .try_timeout = std::chrono::milliseconds(500),
            .tries = 1};
  }
  // To be called once, when the loop exists.
  void Serve(EpollLoop& loop) { loop.Register(fd_, EPOLLIN, *this); }

  std::map<std::string, FakeZone> zones;  // by name, in lower case, without the dot at the end
  int packets = 0;

  void OnEvents(uint32_t) override {
    char query[512];
    sockaddr_in from{};
    socklen_t from_size = sizeof from;
    const ssize_t size =
        ::recvfrom(fd_, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 12) {
      return;
    }
    ++packets;
    const std::string answer = Answer({query, static_cast<size_t>(size)});
    if (!answer.empty()) {
      ::sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

 private:
  static std::string Number(uint32_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) {
      text += static_cast<char>(value >> (8 * i));
    }
    return text;
  }

  std::string Answer(std::string_view query) const {
    size_t at = 12;
    std::string name;
    while (query[at] != 0) {
      const auto length = static_cast<unsigned char>(query[at]);
      name += name.empty() ? "" : ".";
      for (const char c : query.substr(at + 1, length)) {
        name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
      at += length + 1;
    }
    const std::string_view question = query.substr(12, at + 5 - 12);
    const int type = static_cast<unsigned char>(query[at + 2]);
    const auto found = zones.find(name);
    const FakeZone zone =
        found == zones.end() ? FakeZone{.mode = FakeZone::Mode::kNoSuchName} : found->second;
    if (zone.mode == FakeZone::Mode::kSilent) {
      return "";
    }
    std::string records;
    uint32_t count = 0;
    for (const std::string& address : zone.addresses) {
      char bytes[16];
      const bool v6 = ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
      if (!v6) {
        MS_CHECK(::inet_pton(AF_INET, address.c_str(), bytes) == 1);
      }
      if (type == (v6 ? 28 : 1)) {
        ++count;
        records += "\xc0\x0c" + Number(static_cast<uint32_t>(type), 2) + Number(1, 2) +
                   Number(zone.ttl_s, 4) + Number(v6 ? 16 : 4, 2) + std::string(bytes, v6 ? 16 : 4);
      }
    }
    if (zone.mode == FakeZone::Mode::kGarbage) {
      count = 3;
      records = "\xc0\x0c garbage";
    }
    const uint32_t code = zone.mode == FakeZone::Mode::kNoSuchName      ? 3
                          : zone.mode == FakeZone::Mode::kServerFailure ? 2
                                                                        : 0;
    return std::string(query.substr(0, 2)) + Number(0x8180 | code, 2) + Number(1, 2) +
           Number(count, 2) + Number(0, 4) + std::string(question) + records;
  }

  const int fd_;
  uint16_t port_ = 0;
};

}  // namespace mainstay::io::testing
