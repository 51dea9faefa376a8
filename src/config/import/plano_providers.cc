#include "config/import/plano_providers.h"

#include <algorithm>

namespace mainstay::config {
namespace {

constexpr std::string_view kAnthropic =
    "Anthropic is asked through its OpenAI-compatible endpoint, which has no prompt caching and no "
    "thinking blocks: this version speaks no other protocol";
constexpr std::string_view kAzure =
    "Azure is asked through its v1 endpoint; name the deployment in models[].upstream_name when it "
    "is not the model's name";
constexpr std::string_view kBedrock =
    "is left out: Bedrock's Converse protocol is not spoken; use Bedrock's OpenAI-compatible "
    "endpoint as a provider of its own";
constexpr std::string_view kChatGpt =
    "is left out: a ChatGPT subscription is no OpenAI-compatible endpoint; use an API key of "
    "openai";

// One row for each prefix that Plano knows. `custom` is for all others.
constexpr PlanoProvider kProviders[] = {
    {.prefix = "openai", .host = "https://api.openai.com", .path = "/v1"},
    {.prefix = "anthropic",
     .host = "https://api.anthropic.com",
     .path = "/v1",
     .remark = kAnthropic},
    {.prefix = "claude", .host = "https://api.anthropic.com", .path = "/v1", .remark = kAnthropic},
    {.prefix = "gemini",
     .host = "https://generativelanguage.googleapis.com",
     .path = "/v1beta/openai"},
    {.prefix = "mistral", .host = "https://api.mistral.ai", .path = "/v1"},
    {.prefix = "groq", .host = "https://api.groq.com", .path = "/openai/v1", .after_path = "/v1"},
    {.prefix = "deepseek", .host = "https://api.deepseek.com", .path = "/v1"},
    {.prefix = "xai", .host = "https://api.x.ai", .path = "/v1"},
    {.prefix = "together_ai", .host = "https://api.together.xyz", .path = "/v1"},
    {.prefix = "moonshotai", .host = "https://api.moonshot.ai", .path = "/v1"},
    {.prefix = "zhipu", .host = "https://open.bigmodel.cn", .path = "/api/paas/v4"},
    {.prefix = "openrouter", .host = "https://openrouter.ai", .path = "/api/v1"},
    {.prefix = "vercel", .host = "https://ai-gateway.vercel.sh", .path = "/v1"},
    {.prefix = "digitalocean", .host = "https://inference.do-ai.run", .path = "/v1"},
    {.prefix = "edenai", .host = "https://api.edenai.run", .path = "/v3"},
    {.prefix = "xiaomi", .host = "https://api.xiaomimimo.com", .path = "/v1"},
    {.prefix = "qwen", .path = "/compatible-mode/v1"},
    {.prefix = "ollama", .path = "/v1"},
    {.prefix = "azure_openai", .path = "/openai/v1", .remark = kAzure},
    {.prefix = "plano", .path = "/v1"},
    {.prefix = "arch", .path = "/v1"},
    {.prefix = "custom", .path = "/v1"},
    {.prefix = "amazon_bedrock", .refusal = kBedrock},
    {.prefix = "chatgpt", .refusal = kChatGpt},
};

size_t AuthorityStart(std::string_view url) {
  const size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? 0 : scheme + 3;
}

}  // namespace

const PlanoProvider* FindPlanoProvider(std::string_view prefix) {
  const auto row = std::ranges::find(kProviders, prefix, &PlanoProvider::prefix);
  return row == std::end(kProviders) ? nullptr : row;
}

bool IsPlanoRouterPrefix(std::string_view prefix) {
  return prefix == "plano" || prefix == "arch";
}

PlanoAddress AddressOf(const PlanoProvider& provider, std::string_view base_url) {
  PlanoAddress address;
  if (base_url.empty()) {
    address.base_url =
        provider.host.empty() ? "" : std::string(provider.host) + std::string(provider.path);
    return address;
  }
  if (const size_t query = base_url.find_first_of("?#"); query != std::string_view::npos) {
    address.had_query = true;
    base_url = base_url.substr(0, query);
  }
  const size_t start = AuthorityStart(base_url);
  std::string url(base_url.substr(0, start));
  std::string_view rest = base_url.substr(start);
  const size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) {
    address.had_credentials = true;
    authority.remove_prefix(at + 1);
  }
  const std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  const size_t end = path.find_last_not_of('/');
  url += authority;
  if (end == std::string_view::npos) {
    url += provider.path;
  } else {
    url += path.substr(0, end + 1);
    url += provider.after_path;
  }
  address.base_url = std::move(url);
  return address;
}

std::string_view AuthorityOf(std::string_view url) {
  url.remove_prefix(AuthorityStart(url));
  return url.substr(0, url.find_first_of("/?#"));
}

}  // namespace mainstay::config
