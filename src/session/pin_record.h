#pragma once

#include <string>
#include <string_view>

#include "model/session.h"

namespace mainstay::session {

// Pins as the store keeps them: docs/formats/pin_record.md.

// Appends the record. Texts are cut after 65,535 bytes.
void EncodePin(const Pin& pin, std::string& out);

// False for bytes of another format or length, without a model, or with times out of range. The
// texts are views into `value`.
bool DecodePin(std::string_view value, Pin& out);

}  // namespace mainstay::session
