#include "base/flat_map.h"

#include <xxhash.h>

namespace mainstay {

size_t TextHash::operator()(std::string_view text) const {
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace mainstay
