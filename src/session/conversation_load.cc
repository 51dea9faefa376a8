// What is taken over from the store at the start, by two threads: one reads and checks, the other
// one makes conversations of it.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "session/conversation_record.h"
#include "session/conversations.h"
#include "session/record_fields.h"
#include "session/signals_blocked.h"

namespace mainstay::session {
namespace {

struct Batch {
  struct Record {
    RecordKey key;
    size_t bytes = 0;
  };
  std::vector<Record> records;
  std::string values;  // one behind the other

  void Clear() {
    records.clear();
    values.clear();
  }
};

constexpr size_t kBatchBytes = 256 << 10;
// What is read ahead at most.
constexpr size_t kBatchesMax = 8;

// Nothing when there is no thread to be had: what it was to do is done by whoever asks then.
std::thread StartThread(std::function<void()> run) {
  try {
    const SignalsBlocked blocked;
    return std::thread(std::move(run));
  } catch (const std::system_error&) {
    return {};
  }
}

// Takes batches in the order in which they are put, on a thread of its own.
class Taker final {
 public:
  explicit Taker(std::function<void(const Batch&)> take)
      : take_(std::move(take)), thread_(StartThread([this] { Run(); })) {}
  ~Taker() { Finish(); }
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;

  // Gives an empty one in its place. Waits while too many wait already.
  void Put(Batch& batch) {
    if (!thread_.joinable()) {
      take_(batch);
      batch.Clear();
      return;
    }
    std::unique_lock lock(mutex_);
    taken_one_.wait(lock, [&] { return waiting_.size() < kBatchesMax; });
    waiting_.push_back(std::move(batch));
    put_one_.notify_one();
    batch = {};
    if (!empty_.empty()) {
      batch = std::move(empty_.back());
      empty_.pop_back();
    }
  }

  // Waits until all are taken. Called once no more come.
  void Finish() {
    if (!thread_.joinable()) {
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      is_all_ = true;
      put_one_.notify_one();
    }
    thread_.join();
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      put_one_.wait(lock, [&] { return is_all_ || !waiting_.empty(); });
      if (waiting_.empty()) {
        return;
      }
      Batch batch = std::move(waiting_.front());
      waiting_.pop_front();
      taken_one_.notify_one();
      lock.unlock();
      take_(batch);
      batch.Clear();
      lock.lock();
      empty_.push_back(std::move(batch));
    }
  }

  const std::function<void(const Batch&)> take_;
  std::mutex mutex_;
  std::condition_variable put_one_;
  std::condition_variable taken_one_;
  std::deque<Batch> waiting_;
  std::vector<Batch> empty_;
  bool is_all_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

// Nobody else knows the table yet, so nothing is locked here.
class Conversations::Loader final {
 public:
  Loader(Conversations& table, const Rules& rules, int64_t now_ms)
      : table_(table),
        rules_(rules),
        now_ms_(now_ms),
        names_(table.names_),
        orders_(table.shards_.size()) {}

  void Take(const Batch& batch) {
    std::string_view values = batch.values;
    for (const Batch::Record& record : batch.records) {
      Take(record.key, values.substr(0, record.bytes));
      values.remove_prefix(record.bytes);
    }
    table_.anchors_.AddAll(anchors_);
    anchors_.clear();
  }

  // In the order of their use, so that the table has it too. Every `step`th share.
  void Enter(size_t first, size_t step) {
    for (size_t i = first; i < orders_.size(); i += step) {
      EnterShard(i);
    }
  }

 private:
  struct Order {
    int64_t last_used_ms;
    uint32_t at;
  };

  void Take(const RecordKey& bytes, std::string_view value) {
    Conversation one;
    one.key = SessionKeyOf(bytes);
    if (!DecodeConversation(value, names_, one) ||
        now_ms_ - one.last_used_ms >= rules_.age_max.count()) {
      table_.store_.Erase(RecordKind::kConversation, bytes);
      return;
    }
    if (one.caller == nullptr) {
      one.caller = names_.Intern("");
    }
    const size_t shard_at = table_.ShardAt(one.session);
    Shard& shard = table_.shards_[shard_at];
    const uint32_t at = table_.Take(shard);
    orders_[shard_at].push_back({.last_used_ms = one.last_used_ms, .at = at});
    Note(one, table_.SlotOf(shard_at, at));
    shard.At(at).conversation = std::move(one);
  }

  void Note(const Conversation& one, uint32_t slot) {
    for (const Node& node : one.nodes) {
      anchors_.push_back({.hash = node.hash, .slot = slot});
    }
    for (const Asked& asked : one.asked) {
      anchors_.push_back({.hash = asked.hash, .slot = slot});
    }
    for (const Run& run : one.runs) {
      anchors_.push_back({.hash = run.hash, .slot = slot});
    }
  }

  void EnterShard(size_t shard_at) {
    std::vector<Order>& orders = orders_[shard_at];
    Shard& shard = table_.shards_[shard_at];
    std::ranges::sort(orders, {}, &Order::last_used_ms);
    shard.by_key.reserve(orders.size());
    for (const Order& order : orders) {
      table_.Enter(shard, order.at);
      const Conversation& one = shard.At(order.at).conversation;
      if (const auto session = shard.sessions.find(one.session); session != shard.sessions.end()) {
        session->second.turns += one.turns;
      }
    }
    const size_t entries_max = table_.ShardEntriesMax(rules_);
    while (shard.used > entries_max) {
      table_.Remove(shard, shard.by_use.oldest(), Stored::kErase);
    }
  }

  Conversations& table_;
  const Rules& rules_;
  const int64_t now_ms_;
  RecentNames names_;
  std::vector<AnchorTable::Anchor> anchors_;  // of a batch
  std::vector<std::vector<Order>> orders_;    // by share
};

void Conversations::Load(const Rules& rules, int64_t now_ms) {
  if (!is_stored_) {
    return;
  }
  Loader loader(*this, rules, now_ms);
  Taker taker([&](const Batch& batch) { loader.Take(batch); });
  Batch batch;
  store_.Load(RecordKind::kConversation, [&](const RecordKey& key, std::string_view value) {
    batch.records.push_back({.key = key, .bytes = value.size()});
    batch.values.append(value);
    if (batch.values.size() >= kBatchBytes) {
      taker.Put(batch);
    }
  });
  taker.Put(batch);
  taker.Finish();
  std::thread second = StartThread([&] { loader.Enter(1, 2); });
  loader.Enter(0, 2);
  if (second.joinable()) {
    second.join();
  } else {
    loader.Enter(1, 2);
  }
}

}  // namespace mainstay::session
