#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/io/memory_loop.h"
#include "support/answer.h"

namespace mainstay::support {

// A client's end of one connection in memory: sends any bytes and keeps what comes back.
//
// Nothing happens inside a call but that bytes are queued; run the loop.
class Client final {
 public:
  Client(io::MemoryLoop& loop, std::string host, uint16_t port);
  Client(Client&&) noexcept = default;
  Client& operator=(Client&&) noexcept = default;
  // Closes the connection, as Close.
  ~Client();

  void Send(std::string_view bytes);
  // No more reads until Resume: what the other side sends piles up on its way.
  void Pause();
  void Resume();

  // Ends our direction only.
  void FinishWriting();
  // Closes the connection; with bytes that were not read that is a reset.
  void Close();
  void Reset();

  const std::string& received() const;
  // Forgets what was received so far.
  void Forget();
  End end() const;
  // Bytes of Send that the connection has not taken yet.
  size_t unsent() const;
  // When the last bytes came.
  MonoTime last_arrival() const;

  // See ReadAnswers.
  Answers answers(std::string_view methods = "") const;
  // The only answer; with none, or more than one, an empty one that is not whole.
  Answer answer(std::string_view methods = "") const;

 private:
  struct State;

  static io::Task<void> Run(std::shared_ptr<State> state);
  static bool WriteSome(State& state);
  static bool ReadSome(State& state);
  void Wake();

  std::shared_ptr<State> state_;  // shared with the coroutine, which may outlive the client
};

}  // namespace mainstay::support
