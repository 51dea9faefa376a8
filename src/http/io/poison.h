#pragma once

#include <cstddef>

// Pools hide the use of released memory from AddressSanitizer; these tell it. Without the sanitizer
// they are nothing.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MAINSTAY_POISON 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MAINSTAY_POISON 1
#endif

#if defined(MAINSTAY_POISON)
extern "C" {
void __asan_poison_memory_region(const volatile void* memory, size_t bytes);
void __asan_unpoison_memory_region(const volatile void* memory, size_t bytes);
}
#endif

namespace mainstay::io {

// Using the memory is an error until Unpoison.
inline void Poison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#if defined(MAINSTAY_POISON)
  __asan_poison_memory_region(memory, bytes);
#endif
}

inline void Unpoison([[maybe_unused]] void* memory, [[maybe_unused]] size_t bytes) {
#if defined(MAINSTAY_POISON)
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

}  // namespace mainstay::io
