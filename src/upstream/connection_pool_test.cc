// Which pools there are. What becomes of their connections is tested in
// tests/integration/pool_test.
#include "upstream/connection_pool.h"

#include <gtest/gtest.h>

#include "http/io/memory_loop.h"

namespace mainstay::upstream {
namespace {

Endpoint To(std::string base_url) {
  return {.base_url = std::move(base_url), .timeouts = {}, .keep_alive = {}};
}

TEST(ConnectionPoolTest, OneAddressHasOnePool) {
  io::MemoryLoop loop;
  ConnectionPool pool(loop, nullptr);
  const std::shared_ptr<EndpointPool> first = pool.Find(To("http://a:80/v1"));
  EXPECT_EQ(pool.Find(To("http://a:80/v1")), first);
  EXPECT_NE(pool.Find(To("http://a:81/v1")), first);
  EXPECT_EQ(first->url().host, "a");
}

// Configurations come and go for as long as the process runs.
TEST(ConnectionPoolTest, ForgetsAddressesThatNobodyUses) {
  io::MemoryLoop loop;
  ConnectionPool pool(loop, nullptr);
  const std::shared_ptr<EndpointPool> kept = pool.Find(To("http://kept/v1"));
  for (int i = 0; i < 100; ++i) {
    const std::shared_ptr<EndpointPool> passing =
        pool.Find(To("http://h" + std::to_string(i) + "/v1"));
    EXPECT_LE(pool.addresses(), 2U) << i;
  }
  EXPECT_EQ(pool.Find(To("http://kept/v1")), kept);
  EXPECT_EQ(pool.addresses(), 1U);
}

// The new configuration asks for its pools before the old one is gone.
TEST(ConnectionPoolTest, AnAddressMayComeBack) {
  io::MemoryLoop loop;
  ConnectionPool pool(loop, nullptr);
  std::shared_ptr<EndpointPool> held = pool.Find(To("http://a/v1"));
  const std::weak_ptr<EndpointPool> before = held;
  held.reset();
  EXPECT_TRUE(before.expired()) << "the pool does not keep what nobody holds";
  held = pool.Find(To("http://a/v1"));
  EXPECT_EQ(pool.Find(To("http://a/v1")), held);
  EXPECT_EQ(pool.addresses(), 1U);
}

}  // namespace
}  // namespace mainstay::upstream
