#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/client_connection.h"
#include "http/io/task.h"

// Requests whose answers are small and wanted as a whole: questions to a router model, and what the
// command line asks a gateway. Answers that are passed on are read piece by piece instead.
namespace mainstay::http {

// How far an answer came.
enum class AnswerOutcome : uint8_t {
  kOk,
  kTimeout,
  kCancelled,
  kClosed,    // the connection ended before the answer did
  kBroken,    // not HTTP that can be trusted
  kTooLarge,  // a body of more than was wanted
};

// Sends the pieces, which are a request with its body, and reads the head of the answer. kClosed
// also when the connection ended before all was sent. Never kTooLarge.
//
// The pieces hold until the task is over. Waiting: until the deadline; the stream's scope may break
// it off.
io::Task<AnswerOutcome> SendAndReadHead(ClientConnection& connection, Method method,
                                        std::span<const std::string_view> pieces,
                                        MonoTime deadline);

// Appends the body of the answer whose head was read; on any other outcome than kOk, a part of it.
// Views into the head end here. Waiting: as above.
io::Task<AnswerOutcome> ReadWholeBody(ClientConnection& connection, size_t bytes_max,
                                      MonoTime deadline, std::string& body);

}  // namespace mainstay::http
