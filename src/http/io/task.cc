#include "http/io/task.h"

#include <utility>

namespace mainstay::io {

constinit thread_local FramePool::Lists FramePool::lists_;

// Opens the lists of a thread and frees what they hold when it ends. Later frames are not kept.
struct FramePool::Owner {
  // Per class: bounds what an idle thread keeps.
  static constexpr size_t kFreeBytesMax = 512 << 10;

  Owner() {
    for (size_t i = 0; i < kClasses; ++i) {
      lists_.room[i] = static_cast<uint32_t>(kFreeBytesMax / ClassBytes(i));
    }
  }
  ~Owner() {
    lists_.room.fill(0);
    for (FreeFrame*& frame : lists_.head) {
      while (frame != nullptr) {
        ::operator delete(std::exchange(frame, frame->next));
      }
    }
  }
};

void* FramePool::AllocateFresh(size_t bytes) {
  thread_local Owner owner;
  const size_t index = ClassOf(bytes);
  return ::operator new(index < kClasses ? ClassBytes(index) : bytes);
}

}  // namespace mainstay::io
