#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace mainstay {

// The hash table of the hot paths: open addressing, 17 to 55 ns for a look-up among 0.1 to 1
// million entries, a half to a quarter of std::unordered_map. Pointers into it do not survive
// insertions.
template <typename Key, typename Value, typename Hash = boost::hash<Key>,
          typename Equal = std::equal_to<Key>>
using FlatMap = boost::unordered_flat_map<Key, Value, Hash, Equal>;

// XXH3 of a text. The same in every process: not for anything that a stranger may choose freely.
struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  size_t operator()(std::string_view text) const;
};

// Keyed by texts, looked up by views.
template <typename Value>
using TextMap = FlatMap<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace mainstay
