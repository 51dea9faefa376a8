#pragma once

#include <string>
#include <string_view>

#include "config/environment.h"

namespace mainstay::config {

// Where the embedded configuration expects the built-in scripted provider, which `serve` starts
// when it is given no file.
inline constexpr std::string_view kDemoProviderListen = "127.0.0.1:12009";

// The configuration that `serve` uses without -c: the scripted provider with two models, and
// OpenAI's models as well when OPENAI_API_KEY is set to something. The key itself is not in the
// text, only the reference to the variable.
std::string EmbeddedDefaults(const Environment& environment);

// The configuration of `mainstay demo`: two models of the scripted provider, which listens at
// `provider_listen`, and two routes between them, judged by the local router. It listens at
// `listen` and keeps nothing on the disk.
std::string DemoConfig(std::string_view listen, std::string_view provider_listen);

}  // namespace mainstay::config
