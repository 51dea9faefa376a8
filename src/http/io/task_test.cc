#include "http/io/task.h"

#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mainstay::io {
namespace {

// Holds whoever awaits it until Open.
class Gate final {
 public:
  auto Wait() {
    struct Awaiter {
      Gate& gate;
      bool await_ready() const noexcept { return gate.open_; }
      void await_suspend(std::coroutine_handle<> handle) { gate.waiting_.push_back(handle); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  void Open() {
    open_ = true;
    for (const auto handle : std::exchange(waiting_, {})) {
      handle.resume();
    }
  }
  size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<std::coroutine_handle<>> waiting_;
  bool open_ = false;
};

// Counts the lives of what frames hold.
struct Alive {
  explicit Alive(int& counter) : count(&counter) { ++*count; }
  Alive(const Alive& other) : count(other.count) { ++*count; }
  Alive& operator=(const Alive&) = delete;
  ~Alive() { --*count; }
  int* count;
};

Task<int> Number(int value) {
  co_return value;
}

Task<int> SumTo(int n) {
  int sum = 0;
  for (int i = 1; i <= n; ++i) {
    sum += co_await Number(i);
  }
  co_return sum;
}

TEST(TaskTest, GivesItsResult) {
  int result = 0;
  const auto run = [&]() -> Task<void> { result = co_await SumTo(4); };
  Spawn(run());
  EXPECT_EQ(result, 10);
}

TEST(TaskTest, DoesNotStartBeforeItIsAwaited) {
  bool started = false;
  const auto child = [&]() -> Task<void> {
    started = true;
    co_return;
  };
  {
    const Task<void> never_awaited = child();
    EXPECT_FALSE(started);
  }
  EXPECT_FALSE(started);
}

TEST(TaskTest, MovesResultsThatCannotBeCopied) {
  const auto make = []() -> Task<std::unique_ptr<std::string>> {
    co_return std::make_unique<std::string>("moved");
  };
  std::string got;
  const auto run = [&]() -> Task<void> {
    std::unique_ptr<std::string> text = co_await make();
    got = *text;
  };
  Spawn(run());
  EXPECT_EQ(got, "moved");
}

TEST(TaskTest, ResultsMayBeGivenInBraces) {
  struct Pair {
    int a = 0;
    std::string b;
  };
  const auto make = []() -> Task<Pair> { co_return {3, "three"}; };
  Pair got;
  const auto run = [&]() -> Task<void> { got = co_await make(); };
  Spawn(run());
  EXPECT_EQ(got.a, 3);
  EXPECT_EQ(got.b, "three");
}

TEST(TaskTest, FreesFramesParametersAndResults) {
  int alive = 0;
  Gate gate;
  const auto child = [&](Alive argument) -> Task<Alive> {
    const Alive local(alive);
    co_await gate.Wait();
    co_return argument;
  };
  const auto parent = [&]() -> Task<void> {
    const Alive first = co_await child(Alive(alive));
    const Alive second = co_await child(first);
  };
  Spawn(parent());
  EXPECT_GT(alive, 0);
  gate.Open();
  EXPECT_EQ(alive, 0);
}

struct Owner {
  struct promise_type {
    Owner get_return_object() {
      return Owner{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

TEST(TaskTest, DestroyingASuspendedTaskDestroysWhatItAwaits) {
  int alive = 0;
  Gate gate;
  const auto inner = [&]() -> Task<void> {
    const Alive local(alive);
    co_await gate.Wait();
  };
  const auto outer = [&]() -> Task<void> {
    const Alive local(alive);
    co_await inner();
  };
  const auto start = [&]() -> Owner { co_await outer(); };
  const Owner owner = start();
  EXPECT_EQ(alive, 2);
  EXPECT_EQ(gate.waiting(), 1U);
  owner.handle.destroy();
  EXPECT_EQ(alive, 0);
}

TEST(TaskTest, ALoopOverTasksThatDoNotSuspendNeedsNoStack) {
  int64_t sum = 0;
  const auto run = [&]() -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) {
      sum += co_await Number(1);
    }
  };
  Spawn(run());
  EXPECT_EQ(sum, 1'000'000);
}

TEST(TaskTest, ALoopOverTasksThatSuspendNeedsNoStack) {
  Gate* current = nullptr;
  int rounds = 0;
  const auto child = [&]() -> Task<void> {
    Gate gate;
    current = &gate;
    co_await gate.Wait();
  };
  const auto run = [&]() -> Task<void> {
    for (; rounds < 200'000; ++rounds) {
      co_await child();
    }
    current = nullptr;
  };
  Spawn(run());
  while (current != nullptr) {
    current->Open();
  }
  EXPECT_EQ(rounds, 200'000);
}

Task<int> Deep(int depth, Gate& gate) {
  if (depth == 0) {
    co_await gate.Wait();
    co_return 0;
  }
  co_return 1 + co_await Deep(depth - 1, gate);
}

TEST(TaskTest, ADeepChainEndsInOrder) {
  Gate gate;
  int depth = 0;
  const auto run = [&]() -> Task<void> { depth = co_await Deep(1'000, gate); };
  Spawn(run());
  EXPECT_EQ(depth, 0);
  gate.Open();
  EXPECT_EQ(depth, 1'000);
}

// A leaf may be resumed from inside its own await_suspend, by a scope that was cancelled before.
TEST(TaskTest, ALeafMayBeResumedWhileItSuspends) {
  struct AtOnce {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) const { handle.resume(); }
    void await_resume() const noexcept {}
  };
  int result = 0;
  const auto leaf = []() -> Task<int> {
    co_await AtOnce();
    co_return 7;
  };
  const auto run = [&]() -> Task<void> {
    result = co_await leaf();
    result += co_await leaf();
  };
  Spawn(run());
  EXPECT_EQ(result, 14);
}

struct FrameCase {
  const char* name;
  size_t bytes;
};

TEST(FramePoolTest, GivesUsableMemoryOfEverySize) {
  const FrameCase cases[] = {
      {"smallest", 1},          {"class_edge", 128},        {"next_class", 129},
      {"largest_pooled", 4096}, {"first_not_pooled", 4097}, {"large", 100'000}};
  for (const FrameCase& row : cases) {
    for (int round = 0; round < 3; ++round) {
      auto* frame = static_cast<char*>(FramePool::Allocate(row.bytes));
      ASSERT_NE(frame, nullptr) << row.name;
      std::fill_n(frame, row.bytes, 'x');
      FramePool::Free(frame, row.bytes);
    }
  }
}

TEST(FramePoolTest, GivesTheLastFreedFrameFirst) {
  void* first = FramePool::Allocate(300);
  void* second = FramePool::Allocate(300);
  FramePool::Free(first, 300);
  FramePool::Free(second, 300);
  void* again = FramePool::Allocate(290);
  EXPECT_EQ(again, second);
  FramePool::Free(again, 290);
}

}  // namespace
}  // namespace mainstay::io
