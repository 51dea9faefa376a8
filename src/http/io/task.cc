#include "http/io/task.h"

#include <new>
#include <utility>

#include "http/io/poison.h"

namespace mainstay::io {
namespace {

constexpr size_t kClassBytes = 128;
constexpr size_t kClasses = 32;  // frames up to 4 KiB are pooled, larger ones are not
// Per class and thread: bounds what an idle thread keeps.
constexpr size_t kFreeBytesMax = 512 << 10;

struct FreeFrame {
  FreeFrame* next;
};

struct FreeLists {
  std::array<FreeFrame*, kClasses> head{};
  std::array<size_t, kClasses> count{};

  ~FreeLists() {
    for (FreeFrame* frame : head) {
      while (frame != nullptr) {
        ::operator delete(std::exchange(frame, frame->next));
      }
    }
  }
};

// All but the link of a frame in a list.
void Hide(FreeFrame* frame, size_t index) {
  Poison(frame + 1, (index + 1) * kClassBytes - sizeof *frame);
}
void Show(FreeFrame* frame, size_t index) {
  Unpoison(frame, (index + 1) * kClassBytes);
}

FreeLists& Lists() {
  thread_local FreeLists lists;
  return lists;
}

}  // namespace

void* FramePool::Allocate(size_t bytes) {
  const size_t index = (bytes - 1) / kClassBytes;
  if (index >= kClasses) {
    return ::operator new(bytes);
  }
  FreeLists& lists = Lists();
  if (FreeFrame* frame = lists.head[index]) {
    Show(frame, index);
    lists.head[index] = frame->next;
    --lists.count[index];
    return frame;
  }
  return ::operator new((index + 1) * kClassBytes);
}

void FramePool::Free(void* frame, size_t bytes) {
  const size_t index = (bytes - 1) / kClassBytes;
  if (index < kClasses) {
    FreeLists& lists = Lists();
    if (lists.count[index] * (index + 1) * kClassBytes < kFreeBytesMax) {
      lists.head[index] = new (frame) FreeFrame{lists.head[index]};
      Hide(lists.head[index], index);
      ++lists.count[index];
      return;
    }
  }
  ::operator delete(frame);
}

}  // namespace mainstay::io
