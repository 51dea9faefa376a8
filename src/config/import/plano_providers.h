#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mainstay::config {

// A family of models that Plano knows by the part of a model's name before the first "/".
struct PlanoProvider {
  std::string_view prefix;
  // Where it is when the file has no base_url; empty: the file must say it.
  std::string_view host;
  // The path of its OpenAI-compatible API when base_url has none.
  std::string_view path;
  // Added to the path when base_url has one.
  std::string_view after_path;
  // Why the family cannot be served; empty: it can be.
  std::string_view refusal;
  // What an operator should know about how it is served; empty: nothing.
  std::string_view remark;
};

// The row of a prefix, or nullptr.
const PlanoProvider* FindPlanoProvider(std::string_view prefix);

// The models that Plano asks for its own decisions have one of these prefixes.
bool IsPlanoRouterPrefix(std::string_view prefix);

// What Mainstay's base_url has to be, and what had to be left out of the one of the file.
struct PlanoAddress {
  std::string base_url;
  bool had_credentials = false;  // user:password@
  bool had_query = false;
};

// `base_url` as the file has it, or empty. The result is empty when neither it nor the row says
// where the provider is.
PlanoAddress AddressOf(const PlanoProvider& provider, std::string_view base_url);

// host[:port] of a URL.
std::string_view AuthorityOf(std::string_view url);

}  // namespace mainstay::config
