#pragma once

#include <string>
#include <string_view>

namespace mainstay::config {

// Stands for a secret in the effective configuration: equal for equal secrets under one salt, and
// no help in finding the secret without the salt. 12 hex digits of HMAC-SHA256.
std::string Fingerprint(std::string_view salt, std::string_view secret);

// 16 hex digits of SHA-256: the hash of an effective configuration.
std::string ShortHash(std::string_view text);

}  // namespace mainstay::config
