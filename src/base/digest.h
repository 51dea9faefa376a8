#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mainstay {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view bytes);
Sha256Digest HmacSha256(std::string_view key, std::string_view bytes);

}  // namespace mainstay
