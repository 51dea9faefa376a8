#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "http/io/poison.h"

namespace mainstay::io {

// Bytes after the data of a buffer that may always be read: parsers look ahead in vectors.
inline constexpr size_t kBufferPadding = 64;

// Blocks of memory by powers of two, last in first out, so that the block in use is the one that
// the processor's cache holds. One pool per loop; lives on its thread.
class BufferPool final {
 public:
  // What one pool keeps unused; beyond it blocks go back to the allocator.
  static constexpr size_t kIdleBytesMax = 8 << 20;

  BufferPool() = default;
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

 private:
  friend class Buffer;
  static constexpr size_t kSmallest = 16 << 10;
  static constexpr size_t kClasses = 8;  // 16 KiB … 2 MiB; larger blocks are not pooled

  struct Block {
    char* data = nullptr;
    size_t capacity = 0;
  };
  // What the first bytes of an unused block are.
  struct Idle {
    Idle* next;
  };

  static constexpr size_t ClassOf(size_t bytes) {
    return static_cast<size_t>(std::bit_width((bytes - 1) / kSmallest));
  }

  // capacity_min > 0.
  Block Take(size_t capacity_min) {
    const size_t index = ClassOf(capacity_min);
    if (index >= kClasses || idle_[index] == nullptr) [[unlikely]] {
      return TakeFresh(kSmallest << index);
    }
    Idle* const block = idle_[index];
    const size_t capacity = kSmallest << index;
    Unpoison(block, capacity);
    idle_[index] = block->next;
    idle_bytes_ -= capacity;
    return {reinterpret_cast<char*>(block), capacity};
  }

  void Give(Block block) {
    const size_t index = ClassOf(block.capacity);
    if (index >= kClasses || idle_bytes_ + block.capacity > kIdleBytesMax) [[unlikely]] {
      std::free(block.data);
      return;
    }
    idle_[index] = new (block.data) Idle{idle_[index]};
    idle_bytes_ += block.capacity;
    // All but the link.
    Poison(block.data + sizeof(Idle), block.capacity - sizeof(Idle));
  }

  static Block TakeFresh(size_t capacity);

  std::array<Idle*, kClasses> idle_{};
  size_t idle_bytes_ = 0;
};

// A contiguous receive buffer: bytes are appended at the end and consumed at the front. It holds a
// block only while it has bytes or is being filled, so an idle connection costs none.
class Buffer final {
 public:
  explicit Buffer(BufferPool& pool) : pool_(&pool) {}
  Buffer(Buffer&& other) noexcept
      : pool_(other.pool_),
        block_(std::exchange(other.block_, {})),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      Release();
      pool_ = other.pool_;
      block_ = std::exchange(other.block_, {});
      begin_ = std::exchange(other.begin_, 0);
      end_ = std::exchange(other.end_, 0);
    }
    return *this;
  }
  ~Buffer() { Release(); }

  // What is in the buffer. Valid until the next Reserve, Consume to the end, Release or move.
  std::string_view view() const { return {block_.data + begin_, end_ - begin_}; }
  char* data() { return block_.data + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  // Whether a block is held.
  bool held() const { return block_.data != nullptr; }

  // Makes the whole content plus `more` bytes fit in one block; may move the content.
  void Reserve(size_t more) {
    if (room() < more || !held()) {
      MakeRoom(more);
    }
  }

  // Where the next bytes go, and how many fit without Reserve.
  char* tail() { return block_.data + end_; }
  size_t room() const { return block_.capacity - end_; }
  void Commit(size_t bytes) { end_ += bytes; }

  void Append(std::string_view bytes) {
    if (bytes.size() - 1 >= room()) [[unlikely]] {  // too many, or none: 0 - 1 is the largest size
      if (bytes.empty()) {
        return;  // an empty view may have no address, which memcpy must not be given
      }
      Reserve(bytes.size());
    }
    std::memcpy(tail(), bytes.data(), bytes.size());
    Commit(bytes.size());
  }

  // Takes bytes off the front. An empty buffer starts again at the front of its block.
  void Consume(size_t bytes) {
    begin_ += bytes;
    if (begin_ == end_) {
      begin_ = end_ = 0;
    }
  }
  // Cuts the content to its first `bytes` bytes.
  void Truncate(size_t bytes) { end_ = begin_ + bytes; }

  // Forgets the content and gives the block back.
  void Release() {
    if (held()) {
      pool_->Give(std::exchange(block_, {}));
    }
    begin_ = end_ = 0;
  }

 private:
  void MakeRoom(size_t more);

  BufferPool* pool_;
  BufferPool::Block block_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace mainstay::io
