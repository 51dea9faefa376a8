# Language level, warnings and sanitizers, for our own targets only.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(mainstay_flags INTERFACE)
target_include_directories(mainstay_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(mainstay_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual -Wunused
  -Woverloaded-virtual -Wconversion -Wno-sign-conversion -Wimplicit-fallthrough)
if(PROJECT_IS_TOP_LEVEL)
  target_compile_options(mainstay_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports members of coroutine frames and of std::optional as maybe uninitialised when
  # they are not; clang and the sanitizers look at the same code without these findings.
  target_compile_options(mainstay_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-missing-field-initializers -Wno-error=restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Designated initialisers leave fields out on purpose: those have defaults.
  target_compile_options(mainstay_flags INTERFACE -Wno-missing-designated-field-initializers
    -Wno-missing-field-initializers)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  # Less than a fifth of libstdc++ is used: linked in, it costs 1.3 MiB less memory than shared.
  target_link_options(mainstay_flags INTERFACE -static-libstdc++ -static-libgcc -Wl,--gc-sections
    -Wl,--as-needed)
  target_compile_options(mainstay_flags INTERFACE -ffunction-sections -fdata-sections)
endif()
if(MAINSTAY_SANITIZE)
  target_compile_options(mainstay_flags INTERFACE
    -fsanitize=${MAINSTAY_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(mainstay_flags INTERFACE -fsanitize=${MAINSTAY_SANITIZE})
endif()
