#include "identity/session_ids.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "identity/id_text.h"

namespace mainstay::identity {
namespace {

using http::HeaderId;

struct NamingHeader {
  HeaderId id;
  std::string_view source;
};
constexpr NamingHeader kConversationHeaders[] = {
    {HeaderId::kXConversationId, "header:x-conversation-id"},
    {HeaderId::kThreadId, "client:codex"},
    {HeaderId::kXClaudeCodeAgentId, "client:claude-code"},
};
constexpr NamingHeader kParentHeaders[] = {
    {HeaderId::kXParentSessionId, "client:opencode"},
    {HeaderId::kXCodexParentThreadId, "client:codex"},
};

std::string_view BytesOf(const SessionKey& key, std::array<char, 16>& bytes) {
  std::memcpy(bytes.data(), &key.digest.low, 8);
  std::memcpy(bytes.data() + 8, &key.digest.high, 8);
  return {bytes.data(), bytes.size()};
}

}  // namespace

SessionIds::SessionIds(const SessionOptions& options, const HashKey& install_key)
    : sources_(IdSourcesOf(options)),
      tenant_header_(options.tenant_header),
      tenant_id_(http::FindHeaderId(tenant_header_)),
      session_hash_(install_key, "session"),
      conversation_hash_(install_key, "conversation"),
      history_hash_(install_key, "history") {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const IdSource& source = sources_[i];
    const Step::Place place = source.header.empty()                    ? Step::Place::kBody
                              : source.header_id == HeaderId::kUnknown ? Step::Place::kOtherHeader
                                                                       : Step::Place::kKnownHeader;
    steps_.push_back({.place = place,
                      .header_id = source.header_id,
                      .field = source.field,
                      .source = static_cast<uint16_t>(i)});
  }
}

// The first value counts; `conflicting` when a later one differs.
SessionIds::Found SessionIds::FindIn(const http::HeaderList& headers, HeaderId id,
                                     std::string_view name) {
  Found found;
  for (const http::Header& header : headers) {
    if (header.id != id ||
        (id == HeaderId::kUnknown && !http::EqualsIgnoreCase(header.name, name))) {
      continue;
    }
    if (!found.present) {
      found = {.value = header.value, .present = true};
    } else if (header.value != found.value) {
      found.conflicting = true;
    }
  }
  return found;
}

// Whether it is an id; if there was something else, it is listed.
bool SessionIds::Accept(const Found& found, std::string_view source, SessionId& session) {
  if (!found.present || IsUsableId(found.value)) {
    return found.present;
  }
  if (session.rejected_count < SessionId::kRejectedMax) {
    session.rejected[session.rejected_count++] = source;
  }
  return false;
}

SessionId SessionIds::Find(const http::HeaderList& headers, const Request& request,
                           std::string_view caller, std::string& scratch) const {
  SessionId session;
  std::string_view tenant;
  if (!tenant_header_.empty()) {
    tenant = FindIn(headers, tenant_id_, tenant_header_).value;
  }
  FindIds(headers, request, caller, tenant, scratch, session);
  for (const NamingHeader& header : kConversationHeaders) {
    if (headers.Has(header.id) && !session.conversation.present) {
      const Found found = FindIn(headers, header.id, {});
      if (Accept(found, header.source, session)) {
        session.conversation = {
            .present = true,
            .id = found.value,
            .key = session.present
                       ? ConversationKeyOf(session.key, found.value)
                       : SessionKey{conversation_hash_.Hash({caller, tenant, found.value})}};
      }
    }
  }
  for (const NamingHeader& header : kParentHeaders) {
    if (headers.Has(header.id) && !session.parent.present) {
      const Found found = FindIn(headers, header.id, {});
      if (Accept(found, header.source, session)) {
        session.parent = {
            .present = true, .id = found.value, .key = KeyOf(caller, tenant, found.value)};
      }
    }
  }
  const KeyedHash::Digest scope = history_hash_.Hash({caller, tenant});
  session.scope = {.low = scope.low, .high = scope.high};
  return session;
}

void SessionIds::FindIds(const http::HeaderList& headers, const Request& request,
                         std::string_view caller, std::string_view tenant, std::string& scratch,
                         SessionId& session) const {
  std::optional<BodyIdTexts> texts;
  for (const Step& step : steps_) {
    const IdSource& source = sources_[step.source];
    Found found;
    switch (step.place) {
      case Step::Place::kKnownHeader:
        if (!headers.Has(step.header_id)) {
          continue;
        }
        [[fallthrough]];
      case Step::Place::kOtherHeader:
        found = FindIn(headers, step.header_id, source.header);
        break;
      case Step::Place::kBody:
        if (request.facts.body_ids[static_cast<size_t>(step.field)].empty()) {
          continue;
        }
        if (!texts) {
          texts.emplace(request, scratch);
        }
        if (step.field == BodyId::kMetadataUserId) {
          found.present = texts->FindClaudeSession(found.value);
        } else {
          found = {.value = texts->TextOf(step.field), .present = true};
        }
        break;
    }
    if (Accept(found, source.name, session)) {
      Add(found, source, caller, tenant, session);
    }
  }
}

void SessionIds::Add(const Found& found, const IdSource& source, std::string_view caller,
                     std::string_view tenant, SessionId& session) const {
  // Clients that send an id in several places send the same one.
  if (session.present && found.value == session.id) {
    return;
  }
  const SessionKey key = KeyOf(caller, tenant, found.value);
  if (!session.present) {
    session.present = true;
    session.conflicting = found.conflicting;
    session.strength = source.strength;
    session.id = found.value;
    session.source = source.name;
    session.key = key;
    return;
  }
  const auto end = session.others.begin() + session.others_count;
  if (session.others_count < SessionId::kOthersMax &&
      std::find(session.others.begin(), end, key) == end) {
    session.others[session.others_count++] = key;
  }
}

SessionKey SessionIds::KeyOf(std::string_view caller, std::string_view tenant,
                             std::string_view id) const {
  return {.digest = session_hash_.Hash({caller, tenant, id})};
}

SessionKey SessionIds::ConversationKeyOf(const SessionKey& session,
                                         std::string_view conversation) const {
  std::array<char, 16> bytes;
  return {.digest = conversation_hash_.Hash({BytesOf(session, bytes), conversation})};
}

}  // namespace mainstay::identity
