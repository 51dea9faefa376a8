#pragma once

#include <string>
#include <string_view>

#include "model/request.h"

namespace mainstay::identity {

inline constexpr size_t kIdBytesMax = 256;

// Whether the text may be an id: 1 to kIdBytesMax bytes of UTF-8 without control characters.
bool IsUsableId(std::string_view text);

// The texts of a body's ids, without the white space around them. Escapes are undone into
// `scratch`, which is emptied first and does not move before the next object is made for it. A text
// that is too long for what it stands for may come as it is written. Pure but for the scratch.
class BodyIdTexts final {
 public:
  BodyIdTexts(const Request& request, std::string& scratch);

  // Empty also when the string is blank.
  std::string_view TextOf(BodyId field);

  // The session in Claude Code's `metadata.user_id`: what stands behind the last `_session_` when
  // it is a UUID, or `session_id` of JSON text. False: the field names a user, or nobody.
  bool FindClaudeSession(std::string_view& session);

 private:
  std::string_view RawOf(BodyId field) const;
  std::string_view Text(std::string_view raw);

  const Request& request_;
  std::string& scratch_;
  bool has_room_ = false;
};

}  // namespace mainstay::identity
