#include "identity/id_sources.h"

#include <algorithm>
#include <set>

#include "base/suggest.h"

namespace mainstay::identity {
namespace {

using http::HeaderId;

constexpr std::string_view kInferred = "inferred";
constexpr std::string_view kResponseId = "response_id";

// A client is called by its own name when it is known (spec 11.45). conversation_id was codex's
// before session-id; kilocode sends what opencode does.
struct HeaderRow {
  std::string_view name;
  HeaderId header;
};
constexpr HeaderRow kClaudeHeader = {"client:claude-code", HeaderId::kXClaudeCodeSessionId};
constexpr HeaderRow kClientHeaders[] = {
    {"client:codex", HeaderId::kSessionIdDashed},
    {"client:pi", HeaderId::kSessionIdUnderscored},
    {"client:opencode", HeaderId::kXSessionAffinity},
    {"client:opencode", HeaderId::kXOpencodeSession},
    {"client:codex", HeaderId::kConversationId},
    {"client:amp", HeaderId::kXAmpThreadId},
};
struct FieldRow {
  std::string_view name;
  BodyId field;
};
constexpr FieldRow kFields[] = {
    {"body:conversation", BodyId::kConversation},
    {"body:session_id", BodyId::kSessionId},
    {"body:metadata.session_id", BodyId::kMetadataSessionId},
    {"body:metadata.conversation_id", BodyId::kMetadataConversationId},
    {"body:prompt_cache_key", BodyId::kPromptCacheKey},
};

IdSource SourceOf(const HeaderRow& row) {
  return {.name = std::string(row.name),
          .header = std::string(http::HeaderName(row.header)),
          .header_id = row.header};
}

// The ladder.
std::vector<IdSource> DefaultSources(const SessionOptions& options) {
  std::vector<IdSource> sources;
  for (const std::string& header : options.headers) {
    sources.push_back(
        {.name = "header:" + header, .header = header, .header_id = http::FindHeaderId(header)});
  }
  sources.push_back(SourceOf(kClaudeHeader));
  sources.push_back({.name = std::string(kClaudeHeader.name), .field = BodyId::kMetadataUserId});
  for (const HeaderRow& row : kClientHeaders) {
    sources.push_back(SourceOf(row));
  }
  for (const FieldRow& row : kFields) {
    sources.push_back(
        {.name = std::string(row.name), .field = row.field, .strength = IdStrength::kSoft});
  }
  return sources;
}

bool IsHeaderName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

void CheckSources(const SessionOptions& options, Problems& problems) {
  const std::vector<IdSource> sources = DefaultSources(options);
  std::vector<std::string_view> known;
  for (const IdSource& source : sources) {
    if (std::ranges::find(known, source.name) == known.end()) {
      known.push_back(source.name);
    }
  }
  known.push_back(kResponseId);
  known.push_back(kInferred);
  std::set<std::string_view> seen;
  for (size_t i = 0; i < options.sources.size(); ++i) {
    const std::string& name = options.sources[i];
    const std::string path = At("session.identity_sources", i);
    if (std::ranges::find(known, name) == known.end()) {
      std::string message = "is no source of ids" + DidYouMean(name, known);
      if (name.starts_with("header:")) {
        message += "; a header must also be in routing.session_headers";
      }
      problems.Add(path, std::move(message));
    } else if (!seen.insert(name).second) {
      problems.Add(path, "stands twice");
    }
  }
}

}  // namespace

void Validate(const SessionOptions& options, Problems& problems) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < options.headers.size(); ++i) {
    const std::string path = At("routing.session_headers", i);
    if (!IsHeaderName(options.headers[i])) {
      problems.Add(path, "must be the name of a header, in lower case");
    } else if (!seen.insert(options.headers[i]).second) {
      problems.Add(path, "stands twice");
    }
  }
  if (!options.tenant_header.empty() && !IsHeaderName(options.tenant_header)) {
    problems.Add("routing.tenant_header", "must be the name of a header, in lower case");
  }
  CheckSources(options, problems);
}

std::vector<IdSource> IdSourcesOf(const SessionOptions& options) {
  std::vector<IdSource> known = DefaultSources(options);
  if (options.sources.empty()) {
    return known;
  }
  std::vector<IdSource> sources;
  for (const std::string& name : options.sources) {
    std::ranges::copy_if(known, std::back_inserter(sources),
                         [&](const IdSource& source) { return source.name == name; });
  }
  return sources;
}

bool InfersConversations(const SessionOptions& options) {
  return options.sources.empty() ||
         std::ranges::find(options.sources, kInferred) != options.sources.end();
}

}  // namespace mainstay::identity
