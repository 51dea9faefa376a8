#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/session.h"

namespace mainstay::session {

// Pins as the store keeps them: docs/formats/pin_record.md.

// The latest time and the longest lifetime that a record may hold: the end of the year 9999. Sums
// of two of them are far from overflowing.
inline constexpr std::chrono::milliseconds kPinTimeMax{253'402'300'799'999};

// Appends the record. Texts are cut after 65,535 bytes.
void EncodePin(const Pin& pin, std::string& out);

// False for bytes of another format or length, without a model, or with times out of range. The
// texts are views into `value`.
bool DecodePin(std::string_view value, Pin& out);

}  // namespace mainstay::session
