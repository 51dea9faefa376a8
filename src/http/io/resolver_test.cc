#include "http/io/resolver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "http/io/epoll_loop.h"
#include "http/io/testing/fake_dns.h"
#include "http/io/testing/stream_world.h"

namespace mainstay::io {
namespace {

using namespace std::chrono_literals;
using testing::FakeDns;
using testing::FakeZone;
using Mode = FakeZone::Mode;

std::string Text(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.storage.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr, text,
                sizeof text);
  } else if (address.storage.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr, text,
                sizeof text);
  }
  return text;
}

std::vector<std::string> Sorted(const ResolveResult& result) {
  std::vector<std::string> texts;
  for (const SocketAddress& address : result.addresses) {
    texts.push_back(Text(address));
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

// A resolver whose only server is the fake one.
class ResolverTest : public ::testing::Test {
 protected:
  void Make(ResolverOptions options) {
    resolver_ = std::make_unique<Resolver>(loop_, std::move(options));
    dns_.Serve(loop_);
  }
  ResolveResult Resolve(const std::string& host) {
    ResolveResult result;
    testing::Runner(loop_).Run({[&]() -> Task<void> {
      CancelScope scope;
      result = co_await resolver_->Resolve(host, kNever, scope);
    }});
    return result;
  }

  FakeDns dns_;
  EpollLoop loop_;
  std::unique_ptr<Resolver> resolver_;
};

struct ResolveCase {
  const char* name;
  const char* host;
  FakeZone zone = {};  // of a.test
  ResolveStatus want = ResolveStatus::kOk;
  std::vector<std::string> want_addresses = {};
  std::chrono::milliseconds want_ttl{0};  // 0: never expires, because nobody was asked
};

const std::vector<std::string> kBoth = {"192.0.2.1", "2001:db8::1"};
const std::vector<std::string> kLocal = {"127.0.0.1", "::1"};
const ResolveCase kCases[] = {
    {.name = "ipv4", .host = "192.0.2.7", .want_addresses = {"192.0.2.7"}},
    {.name = "ipv6", .host = "2001:db8::7", .want_addresses = {"2001:db8::7"}},
    {.name = "localhost", .host = "localhost", .want_addresses = kLocal},
    {.name = "localhost_upper_case", .host = "LOCALHOST.", .want_addresses = kLocal},
    {.name = "below_localhost", .host = "a.localhost", .want_addresses = kLocal},
    {.name = "empty", .host = "", .want = ResolveStatus::kNotFound},
    {.name = "blank", .host = "a b.test.", .want = ResolveStatus::kNotFound},
    {.name = "with_port", .host = "a.test:80", .want = ResolveStatus::kNotFound},
    {.name = "both_families",
     .host = "a.test.",
     .zone = {.ttl_s = 30, .addresses = kBoth},
     .want_addresses = kBoth,
     .want_ttl = 30s},
    {.name = "one_family",
     .host = "a.test.",
     .zone = {.ttl_s = 30, .addresses = {"192.0.2.1"}},
     .want_addresses = {"192.0.2.1"},
     .want_ttl = 30s},
    {.name = "case_does_not_matter",
     .host = "A.Test.",
     .zone = {.ttl_s = 30, .addresses = {"192.0.2.1"}},
     .want_addresses = {"192.0.2.1"},
     .want_ttl = 30s},
    {.name = "ttl_at_the_upper_bound",
     .host = "a.test.",
     .zone = {.ttl_s = 60, .addresses = kBoth},
     .want_addresses = kBoth,
     .want_ttl = 60s},
    {.name = "ttl_over_the_upper_bound",
     .host = "a.test.",
     .zone = {.ttl_s = 61, .addresses = kBoth},
     .want_addresses = kBoth,
     .want_ttl = 60s},
    {.name = "ttl_of_zero",
     .host = "a.test.",
     .zone = {.ttl_s = 0, .addresses = kBoth},
     .want_addresses = kBoth,
     .want_ttl = 1s},
    {.name = "no_such_name",
     .host = "a.test.",
     .zone = {.mode = Mode::kNoSuchName},
     .want = ResolveStatus::kNotFound,
     .want_ttl = 1s},
    {.name = "no_addresses",
     .host = "a.test.",
     .zone = {.addresses = {}},
     .want = ResolveStatus::kNotFound,
     .want_ttl = 1s},
    {.name = "server_failure",
     .host = "a.test.",
     .zone = {.mode = Mode::kServerFailure},
     .want = ResolveStatus::kFailed,
     .want_ttl = 1s},
    {.name = "garbage",
     .host = "a.test.",
     .zone = {.mode = Mode::kGarbage},
     .want = ResolveStatus::kFailed,
     .want_ttl = 1s},
    {.name = "silent",
     .host = "a.test.",
     .zone = {.mode = Mode::kSilent},
     .want = ResolveStatus::kFailed,
     .want_ttl = 1s},
};

TEST(ResolverTableTest, AnswersAsTheRowSays) {
  for (const ResolveCase& row : kCases) {
    FakeDns dns;
    EpollLoop loop;
    ResolverOptions options = dns.Options();
    options.try_timeout = 10ms;
    if (row.zone.mode != Mode::kSilent) {
      options.try_timeout = 2'000ms;
    }
    Resolver resolver(loop, options);
    dns.Serve(loop);
    dns.zones["a.test"] = row.zone;
    ResolveResult got;
    testing::Runner(loop).Run({[&]() -> Task<void> {
      CancelScope scope;
      got = co_await resolver.Resolve(row.host, kNever, scope);
    }});
    EXPECT_EQ(got.status, row.want) << row.name << ": " << got.detail;
    EXPECT_EQ(Sorted(got), row.want_addresses) << row.name;
    EXPECT_EQ(got.detail.empty(), row.want == ResolveStatus::kOk) << row.name;
    if (row.want_ttl == 0ms) {
      EXPECT_EQ(got.expires, kNever) << row.name;
      EXPECT_EQ(dns.packets, 0) << row.name;
    } else {
      EXPECT_LE(got.expires, loop.now() + row.want_ttl) << row.name;
      EXPECT_GT(got.expires, loop.now() + row.want_ttl - 500ms) << row.name;
    }
  }
}

TEST_F(ResolverTest, KeepsAnAnswerForItsTime) {
  ResolverOptions options = dns_.Options();
  options.ttl_min = options.ttl_max = options.failure_ttl = 4ms;
  Make(options);
  dns_.zones["a.test"] = {.addresses = {"192.0.2.1"}};
  for (const char* host : {"a.test.", "missing.test."}) {
    const int64_t before = resolver_->queries();
    const ResolveResult first = Resolve(host);
    EXPECT_EQ(resolver_->queries(), before + 1);
    if (loop_.now() < first.expires) {  // unless the machine was slower than the time to live
      EXPECT_EQ(Resolve(host).status, first.status);
    }
    testing::Runner(loop_).Run({[&]() -> Task<void> {
      co_await testing::Until(loop_, [&] { return loop_.now() >= first.expires; });
    }});
    const int64_t then = resolver_->queries();
    EXPECT_EQ(Resolve(host).status, first.status);
    EXPECT_EQ(resolver_->queries(), then + 1);
  }
}

TEST_F(ResolverTest, CallersOfOneNameShareAQuery) {
  Make(dns_.Options());
  dns_.zones["a.test"] = {.addresses = {"192.0.2.1"}};
  int ended = 0;
  std::vector<std::function<Task<void>()>> bodies;
  for (int i = 0; i < 5; ++i) {
    bodies.emplace_back([&, i]() -> Task<void> {
      CancelScope scope;
      const ResolveResult result =
          co_await resolver_->Resolve(i % 2 == 0 ? "a.test." : "A.TEST.", kNever, scope);
      EXPECT_EQ(result.status, ResolveStatus::kOk);
      ++ended;
    });
  }
  testing::Runner(loop_).Run(bodies);
  EXPECT_EQ(ended, 5);
  EXPECT_EQ(resolver_->queries(), 1);
  EXPECT_EQ(dns_.packets, 2) << "one for each family";
}

TEST_F(ResolverTest, ACallerThatGivesUpLeavesTheOthersWaiting) {
  ResolverOptions options = dns_.Options();
  options.try_timeout = 30ms;
  Make(options);
  dns_.zones["a.test"] = {.mode = Mode::kSilent};
  CancelScope cancelled;
  ResolveStatus statuses[3] = {};
  testing::Runner(loop_).Run({
      [&]() -> Task<void> {
        CancelScope scope;
        statuses[0] = (co_await resolver_->Resolve("a.test.", loop_.now() + 2ms, scope)).status;
        cancelled.Cancel();
        EXPECT_EQ(statuses[1], ResolveStatus::kCancelled);
      },
      [&]() -> Task<void> {
        statuses[1] = (co_await resolver_->Resolve("a.test.", kNever, cancelled)).status;
        EXPECT_EQ((co_await resolver_->Resolve("b.test.", kNever, cancelled)).status,
                  ResolveStatus::kCancelled);
      },
      [&]() -> Task<void> {
        CancelScope scope;
        statuses[2] = (co_await resolver_->Resolve("a.test.", kNever, scope)).status;
      },
  });
  EXPECT_EQ(statuses[0], ResolveStatus::kTimeout);
  EXPECT_EQ(statuses[2], ResolveStatus::kFailed);
}

TEST_F(ResolverTest, HoldsNoMoreNamesThanItsLimit) {
  ResolverOptions options = dns_.Options();
  options.entries_max = 2;
  options.try_timeout = 10ms;
  Make(options);
  dns_.zones["a.test"] = {.mode = Mode::kSilent};
  dns_.zones["b.test"] = {.mode = Mode::kSilent};
  const auto resolve = [&](const char* host) -> Task<void> {
    CancelScope scope;
    (void)co_await resolver_->Resolve(host, kNever, scope);
  };
  testing::Runner(loop_).Run({
      [&] { return resolve("a.test."); },
      [&] { return resolve("b.test."); },
      [&]() -> Task<void> {
        CancelScope scope;
        const ResolveResult third = co_await resolver_->Resolve("c.test.", kNever, scope);
        EXPECT_EQ(third.status, ResolveStatus::kFailed);
        EXPECT_NE(third.detail.find("room"), std::string::npos);
      },
  });
  // Answered names make room, expired or not.
  dns_.zones["c.test"] = {.addresses = {"192.0.2.3"}};
  EXPECT_EQ(Resolve("c.test.").status, ResolveStatus::kOk);
}

TEST_F(ResolverTest, ReadsTheHostsFileFirst) {
  std::ifstream hosts("/etc/hosts");
  std::string found;
  for (std::string line; std::getline(hosts, line) && found.empty();) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    for (std::string name; (address.empty() ? words >> address : words) && words >> name;) {
      if (name.find("localhost") == std::string::npos && !name.starts_with("ip6-")) {
        found = name;
      }
    }
  }
  if (found.empty()) {
    GTEST_SKIP() << "/etc/hosts names nothing but localhost";
  }
  Make(dns_.Options());
  EXPECT_EQ(Resolve(found).status, ResolveStatus::kOk) << found;
}

TEST_F(ResolverTest, LooksAtNoMoreAddressesThanItsLimit) {
  Make(dns_.Options());
  FakeZone& zone = dns_.zones["a.test"];
  for (size_t i = 0; i < Resolver::kAddressesMax + 4; ++i) {
    zone.addresses.push_back("192.0.2." + std::to_string(i + 1));
  }
  EXPECT_EQ(Resolve("a.test.").addresses.size(), Resolver::kAddressesMax);
}

}  // namespace
}  // namespace mainstay::io
