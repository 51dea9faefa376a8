#pragma once

#include <cstdint>
#include <string_view>

namespace mainstay {

// The wire protocols of clients and providers. A protocol exists when wire/protocols.cc has a row
// for it; the names are those of the configuration.
enum class Protocol : uint8_t { kOpenAiChat };

inline constexpr std::string_view ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kOpenAiChat:
      return "openai_chat";
  }
  return "";
}

}  // namespace mainstay
