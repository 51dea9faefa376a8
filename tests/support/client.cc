#include "support/client.h"

#include <array>
#include <utility>

namespace mainstay::support {

struct Client::State {
  State(io::MemoryLoop& loop_in, std::string host, uint16_t port)
      : loop(loop_in), peer{.host = std::move(host), .port = port} {}

  io::MemoryLoop& loop;
  const io::Peer peer;
  io::CancelScope dialling;
  std::unique_ptr<io::Stream> stream;
  std::string to_send;
  size_t sent = 0;  // of to_send
  std::string received;
  MonoTime last_arrival{};
  End end = End::kOpen;
  bool paused = false;
  bool finish = false;  // our direction, when all is sent
  bool closed = false;
};

Client::Client(io::MemoryLoop& loop, std::string host, uint16_t port)
    : state_(std::make_shared<State>(loop, std::move(host), port)) {
  io::Spawn(Run(state_));
}

Client::~Client() {
  if (state_ != nullptr) {
    Close();
  }
}

// False: the connection takes no more for now.
bool Client::WriteSome(State& state) {
  while (state.sent < state.to_send.size()) {
    const iovec piece{.iov_base = state.to_send.data() + state.sent,
                      .iov_len = state.to_send.size() - state.sent};
    const io::IoResult result = state.stream->TryWrite(&piece, 1);
    if (result.status == io::IoStatus::kReset) {
      break;  // whether an answer came before is for the reads to tell
    }
    if (result.status != io::IoStatus::kOk) {
      return false;
    }
    state.sent += result.bytes;
  }
  state.to_send.clear();
  state.sent = 0;
  if (std::exchange(state.finish, false)) {
    state.stream->FinishWriting();
  }
  return true;
}

// False: the connection is over.
bool Client::ReadSome(State& state) {
  std::array<char, 65'536> bytes;
  while (!state.paused) {
    const io::IoResult result = state.stream->TryRead(bytes.data(), bytes.size());
    if (result.status == io::IoStatus::kWouldBlock) {
      return true;
    }
    if (result.status != io::IoStatus::kOk) {
      state.end = result.status == io::IoStatus::kEnd ? End::kEnded : End::kReset;
      return false;
    }
    state.received.append(bytes.data(), result.bytes);
    state.last_arrival = state.loop.now();
  }
  return true;
}

io::Task<void> Client::Run(std::shared_ptr<State> state) {
  io::DialResult dialled = co_await state->loop.Dial(state->peer, io::kNever, state->dialling);
  state->stream = std::move(dialled.stream);
  if (state->stream == nullptr) {
    state->end = End::kRefused;
    co_return;
  }
  while (!state->closed) {
    const bool all_sent = WriteSome(*state);
    if (!ReadSome(*state)) {
      break;
    }
    io::Ready interest = all_sent ? io::Ready::kNone : io::Ready::kWrite;
    if (!state->paused) {
      interest = interest | io::Ready::kRead;
    }
    // Ended by readiness, or as a time-out by Wake.
    const io::IoStatus waited = co_await state->stream->Wait(interest, io::kNever);
    if (waited == io::IoStatus::kCancelled) {
      break;
    }
  }
  state->stream.reset();
}

void Client::Wake() {
  if (state_->stream != nullptr) {
    state_->stream->Interrupt();
  }
}

void Client::Send(std::string_view bytes) {
  state_->to_send += bytes;
  Wake();
}

void Client::Pause() {
  state_->paused = true;
}

void Client::Resume() {
  state_->paused = false;
  Wake();
}

void Client::FinishWriting() {
  state_->finish = true;
  Wake();
}

void Client::Close() {
  state_->closed = true;
  if (state_->stream == nullptr) {
    state_->dialling.Cancel();
  } else {
    state_->stream->Cancel();
  }
}

void Client::Reset() {
  if (state_->stream != nullptr) {
    state_->stream->ResetOnClose();
  }
  Close();
}

const std::string& Client::received() const {
  return state_->received;
}
void Client::Forget() {
  state_->received.clear();
}
End Client::end() const {
  return state_->end;
}
size_t Client::unsent() const {
  return state_->to_send.size() - state_->sent;
}
MonoTime Client::last_arrival() const {
  return state_->last_arrival;
}

Answers Client::answers(std::string_view methods) const {
  return ReadAnswers(state_->received, state_->end, methods);
}

Answer Client::answer(std::string_view methods) const {
  Answers all = answers(methods);
  if (all.list.size() != 1 || !all.rest.empty()) {
    return {};
  }
  return std::move(all.list.front());
}

}  // namespace mainstay::support
