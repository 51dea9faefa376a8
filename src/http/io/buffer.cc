#include "http/io/buffer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "http/io/poison.h"

namespace mainstay::io {

BufferPool::~BufferPool() {
  for (const std::vector<char*>& blocks : idle_) {
    for (char* block : blocks) {
      std::free(block);
    }
  }
}

BufferPool::Block BufferPool::Take(size_t capacity_min) {
  const size_t capacity = std::bit_ceil(std::max(capacity_min, kSmallest));
  const size_t index = static_cast<size_t>(std::countr_zero(capacity / kSmallest));
  if (index < kClasses && !idle_[index].empty()) {
    char* data = idle_[index].back();
    idle_[index].pop_back();
    idle_bytes_ -= capacity;
    Unpoison(data, capacity);
    return {data, capacity};
  }
  auto* data = static_cast<char*>(std::malloc(capacity + kBufferPadding));
  MS_CHECK(data != nullptr);
  // Vector look-ahead reads the padding; giving it a value keeps such reads defined.
  std::memset(data + capacity, 0, kBufferPadding);
  return {data, capacity};
}

void BufferPool::Give(Block block) {
  const size_t index = static_cast<size_t>(std::countr_zero(block.capacity / kSmallest));
  if (index < kClasses && idle_bytes_ + block.capacity <= kIdleBytesMax) {
    idle_[index].push_back(block.data);
    idle_bytes_ += block.capacity;
    Poison(block.data, block.capacity);
    return;
  }
  std::free(block.data);
}

void Buffer::Reserve(size_t more) {
  if (room() >= more && held()) {
    return;
  }
  const size_t content = size();
  if (held() && block_.capacity - content >= more) {
    std::memmove(block_.data, block_.data + begin_, content);
  } else {
    const BufferPool::Block larger = pool_->Take(content + more);
    if (content > 0) {
      std::memcpy(larger.data, block_.data + begin_, content);
    }
    if (held()) {
      pool_->Give(block_);
    }
    block_ = larger;
  }
  begin_ = 0;
  end_ = content;
}

void Buffer::Release() {
  if (held()) {
    pool_->Give(std::exchange(block_, {}));
  }
  begin_ = end_ = 0;
}

}  // namespace mainstay::io
