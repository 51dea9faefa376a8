#include "cli/demo/scripted_models.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "cli/demo/agent.h"

namespace mainstay::cli::demo {
namespace {

// Answers of one step: how it begins after somebody else's words and after its own, and the rest.
struct Lines {
  std::string_view alone;
  std::string_view going_on;
  std::string_view rest;
};

constexpr std::array<Lines, 5> kLines = {{
    {.alone = "Critical requirements:",
     .going_on = "Critical requirements:",
     .rest = R"( 1. ACID transactions for order integrity: an order, its
items and its payment are written together or not at all.
2. No lost and no doubled order: synchronous commit, and idempotency keys with a unique constraint.
3. A customer's orders in 20 ms at the 95th percentile, at 236,000 reads in the busiest hour.
4. Writes of 26,700 rows in the busiest hour: 7.4 a second, and about 40 for some seconds.
5. Attributes of products that differ by merchant, 41 on average, of which 6 are indexed.
6. Nightly reports over 400 days of orders without disturbing the evening's load.
7. Ten years of history, so that old orders can be moved to cheaper storage by month.
8. Fail-over within two seconds, and point-in-time recovery.)"},
    {.alone = "PostgreSQL excels at joins and ACID guarantees. It",
     .going_on = "Building on the requirements I just outlined: PostgreSQL",
     .rest = R"( covers transactions over several rows,
unique constraints and foreign keys without any help of the application. Its JSONB columns with GIN
indexes hold the attributes that differ by merchant; updating one of them rewrites the whole value.
Declarative partitioning by month covers retention, and a replica takes the nightly reports.
MongoDB keeps an order with its items in one document, so most writes need no transaction, and
attributes need no schema at all. Transactions over several documents exist and cost about a third
of the throughput; the payment and the order would need one. Sharding is built in, which
PostgreSQL leaves to extensions. The reports need $lookup stages, which do not use two indexes.
At 40 rows a second in the peak neither database is near its limits, so that integrity weighs more
than sharding. Two of six people know PostgreSQL, one knows MongoDB.)"},
    {.alone = "CREATE TABLE orders (\n  id BIGSERIAL PRIMARY KEY,",
     .going_on = "Following the comparison above, here is the PostgreSQL schema:\n"
                 "CREATE TABLE orders (\n  id BIGSERIAL PRIMARY KEY,",
     .rest = R"(
  customer_id BIGINT NOT NULL REFERENCES customers (id),
  idempotency_key UUID NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('new', 'paid', 'shipped', 'returned')),
  total_cents BIGINT NOT NULL CHECK (total_cents >= 0),
  placed_at TIMESTAMPTZ NOT NULL DEFAULT now()
) PARTITION BY RANGE (placed_at);
CREATE INDEX orders_of_customer ON orders (customer_id, placed_at DESC);
CREATE TABLE customers (id BIGSERIAL PRIMARY KEY, email CITEXT NOT NULL UNIQUE);
CREATE TABLE products (id BIGSERIAL PRIMARY KEY, merchant_id BIGINT NOT NULL,
  price_cents BIGINT NOT NULL, attributes JSONB NOT NULL DEFAULT '{}');
CREATE INDEX products_by_attribute ON products USING GIN (attributes jsonb_path_ops);
CREATE TABLE order_items (order_id BIGINT NOT NULL, line SMALLINT NOT NULL,
  product_id BIGINT NOT NULL REFERENCES products (id), quantity INT NOT NULL CHECK (quantity > 0),
  price_cents BIGINT NOT NULL, PRIMARY KEY (order_id, line));
The primary key of a partitioned table has to hold the partition key, so that orders gets
PRIMARY KEY (id, placed_at), and idempotency keys a table of their own.)"},
    {.alone = "At high write volume, PostgreSQL row-level locking",
     .going_on = "Given the schema I designed, PostgreSQL's row-level locking",
     .rest = R"( is no bottleneck: orders are
inserted, hardly ever updated, and no two customers write the same row. At ten times the load the
peak is 400 rows a second, which one server with fast disks takes several times over.
What fails first is the number of connections: a pooler in transaction mode is needed before the
load doubles. Next are the reads, 650 a second in the peak; two replicas take them, and a customer
who has just ordered has to be read from the primary. Third is the GIN index on attributes when
merchants import their catalogues: its pending list has to be flushed outside of the evening.
The risk is a write load beyond one server, which needs sharding by customer; the schema permits
it, because every query of the evening names a customer. It would come at fifty times the load.)"},
    {.alone = "RECOMMENDATION: PostgreSQL is the right choice.",
     .going_on = "RECOMMENDATION: Based on my analysis of requirements, the head-to-head\n"
                 "comparison, the schema I designed, and the scalability trade-offs:\n"
                 "choose PostgreSQL.",
     .rest = R"(
- Integrity: order, items and payment commit together, and a unique
  idempotency key keeps an order from being placed twice.
- Flexibility: JSONB holds the attributes that differ by merchant.
- Scale: one server carries ten times the evening's peak; a pooler
  comes first, then two replicas for reads and reports.
- Operations: partitions by month make ten years of orders cheap, and
  two of the six already know the system.
Revisit the decision when writes grow fiftyfold: then shard by customer.)"},
}};

size_t StepOf(std::string_view question) {
  size_t step = 0;
  while (step < Steps().size() && Steps()[step].question != question) {
    ++step;
  }
  return step;
}

std::string TextOf(const Lines& lines, bool own_words) {
  return std::string(own_words ? lines.going_on : lines.alone) + std::string(lines.rest);
}

}  // namespace

void ScriptModels(fake_provider::FakeProvider& provider) {
  static_assert(kLines.size() == 5);
  MS_CHECK(Steps().size() == kLines.size());
  auto last_speaker = std::make_shared<std::string>();
  provider.On({.path = "/chat/completions"}).By([last_speaker](const fake_provider::Question& q) {
    const size_t step = StepOf(q.request.last_user);
    const bool own_words = step > 0 && *last_speaker == q.request.model;
    *last_speaker = q.request.model;
    if (step == kLines.size()) {
      return fake_provider::Action{};
    }
    return fake_provider::Action{.text = TextOf(kLines[step], own_words)};
  });
}

}  // namespace mainstay::cli::demo
