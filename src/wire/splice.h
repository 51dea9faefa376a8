#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/check.h"
#include "model/request.h"

namespace mainstay::wire {

// Replaces one stretch of a body; an empty `at` inserts.
struct Edit {
  Span at;
  std::string_view text;
};

// A body as the pieces that one gather write sends: the original bytes around a few edits. Nothing
// is copied: the pieces are views into the body and into the edits' texts.
class SplicedBody final {
 public:
  static constexpr size_t kEditsMax = 4;

  // Adds an edit. Edits do not overlap; their order does not matter, but for an insertion at the
  // beginning of another edit, which comes first.
  void Add(Edit edit) {
    MS_CHECK(count_ < kEditsMax);
    size_t at = count_++;
    for (; at > 0 && edits_[at - 1].at.begin > edit.at.begin; --at) {
      edits_[at] = edits_[at - 1];
    }
    edits_[at] = edit;
  }

  bool changed() const { return count_ > 0; }

  // The pieces of `body` with the edits made. The span holds until the next call or change.
  std::span<const std::string_view> Pieces(std::string_view body) {
    size_t from = 0;
    size_t pieces = 0;
    bytes_ = 0;
    auto add = [&](std::string_view piece) {
      pieces_[pieces++] = piece;
      bytes_ += piece.size();
    };
    for (size_t i = 0; i < count_; ++i) {
      add(body.substr(from, edits_[i].at.begin - from));
      add(edits_[i].text);
      from = edits_[i].at.end;
    }
    add(body.substr(from));
    return {pieces_.data(), pieces};
  }
  // The length of all pieces, after Pieces.
  size_t bytes() const { return bytes_; }

 private:
  std::array<Edit, kEditsMax> edits_{};
  std::array<std::string_view, 2 * kEditsMax + 1> pieces_{};
  size_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace mainstay::wire
