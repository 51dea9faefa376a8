#include "http/io/buffer.h"

#include <algorithm>

#include "base/check.h"

namespace mainstay::io {

BufferPool::~BufferPool() {
  for (Idle* block : idle_) {
    while (block != nullptr) {
      std::free(std::exchange(block, block->next));
    }
  }
}

BufferPool::Block BufferPool::TakeFresh(size_t capacity) {
  auto* data = static_cast<char*>(std::malloc(capacity + kBufferPadding));
  MS_CHECK(data != nullptr);
  // Vector look-ahead reads the padding; giving it a value keeps such reads defined.
  std::memset(data + capacity, 0, kBufferPadding);
  return {data, capacity};
}

void Buffer::MakeRoom(size_t more) {
  const size_t content = size();
  if (held() && block_.capacity - content >= more) {
    std::memmove(block_.data, block_.data + begin_, content);
  } else {
    const BufferPool::Block larger = pool_->Take(std::max<size_t>(content + more, 1));
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

}  // namespace mainstay::io
