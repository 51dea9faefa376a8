#include "http/io/stream.h"

#include <utility>

namespace mainstay::io {

void Stream::Resume(IoStatus status) {
  timer_.Clear();
  wait_status_ = status;
  interest_ = Ready::kNone;
  // The coroutine may destroy this stream: nothing of it may be touched afterwards.
  std::exchange(waiter_, {}).resume();
}

void Stream::OnReady(Ready ready, HangUp hang_up) {
  ready_ = ready_ | ready;
  if (hang_up == HangUp::kYes) {
    hung_up_ = true;
    ready_ = ready_ | Ready::kEither;
  }
  if (waiter_) {
    if ((ready_ & interest_) != Ready::kNone) {
      Resume(IoStatus::kOk);
    }
    return;
  }
  if (hung_up_ && hang_up_handler_ != nullptr) {
    std::exchange(hang_up_handler_, nullptr)->OnHangUp();
  }
}

void Stream::Cancel() {
  cancelled_ = true;
  if (waiter_) {
    Resume(IoStatus::kCancelled);
  }
}

}  // namespace mainstay::io
