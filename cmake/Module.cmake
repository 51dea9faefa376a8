include(GoogleTest)

# mainstay_test(NAME source...)
#
# A GoogleTest binary that ctest runs, with GoogleMock's main.
function(mainstay_test NAME)
  add_executable(${NAME} ${ARGN})
  target_link_libraries(${NAME} PRIVATE mainstay_flags mainstay_test_flags GTest::gmock_main)
  set_target_properties(${NAME} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_precompile_headers(${NAME} REUSE_FROM test_headers)
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120)
endfunction()

if(MAINSTAY_TESTS)
  add_library(mainstay_test_flags INTERFACE)
  target_compile_definitions(mainstay_test_flags INTERFACE
    MAINSTAY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # A check before each access by pointer is a third of what a test takes to compile. A null pointer
  # ends the test without it as well, and the code under test keeps all of them.
  target_compile_options(mainstay_test_flags INTERFACE
    -fno-sanitize=null,alignment,object-size,vptr)

  # What nearly every test includes, parsed once.
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/test_headers.cc CONTENT "")
  add_library(test_headers OBJECT ${PROJECT_BINARY_DIR}/test_headers.cc)
  target_link_libraries(test_headers PRIVATE mainstay_flags mainstay_test_flags GTest::gmock)
  set_target_properties(test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_precompile_headers(test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h>
    <algorithm> <chrono> <functional> <map> <memory> <optional> <ranges> <string> <string_view>
    <unordered_map> <variant> <vector>)
endif()

# mainstay_module(NAME [DEPS target...] [TEST_DEPS target...] [FUZZ_DEPS target...])
#
# A folder of src/ as a static library mainstay_NAME. What a file is follows from its name:
#   FOO_test.cc   GoogleTest, into the binary NAME_test, run by ctest
#   FOO_bench.cc  Google Benchmark, into NAME_bench
#   FOO_fuzz.cc   one libFuzzer binary each, FOO_fuzz; its corpus is fuzz/corpus/FOO
# Everything else is the library. Sub-folders belong to the module unless they are modules too.
function(mainstay_module NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS;FUZZ_DEPS" ${ARGN})
  file(GLOB_RECURSE ALL CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${NAME}/*.cc)
  set(SOURCES ${ALL})
  list(FILTER SOURCES EXCLUDE REGEX "_(test|bench|fuzz)\\.cc$")
  set(TESTS ${ALL})
  list(FILTER TESTS INCLUDE REGEX "_test\\.cc$")
  set(BENCHES ${ALL})
  list(FILTER BENCHES INCLUDE REGEX "_bench\\.cc$")
  set(FUZZERS ${ALL})
  list(FILTER FUZZERS INCLUDE REGEX "_fuzz\\.cc$")

  if(SOURCES)
    add_library(mainstay_${NAME} STATIC ${SOURCES})
    target_link_libraries(mainstay_${NAME} PUBLIC mainstay_flags ${ARG_DEPS})
  else()
    add_library(mainstay_${NAME} INTERFACE)
    target_link_libraries(mainstay_${NAME} INTERFACE mainstay_flags ${ARG_DEPS})
  endif()

  if(MAINSTAY_TESTS AND TESTS)
    mainstay_test(${NAME}_test ${TESTS})
    target_link_libraries(${NAME}_test PRIVATE mainstay_${NAME} ${ARG_TEST_DEPS})
  endif()
  if(MAINSTAY_BENCHES AND BENCHES)
    add_executable(${NAME}_bench ${BENCHES})
    target_link_libraries(${NAME}_bench PRIVATE mainstay_${NAME} ${ARG_TEST_DEPS}
      benchmark::benchmark_main)
  endif()
  if(MAINSTAY_FUZZ)
    foreach(FUZZER ${FUZZERS})
      get_filename_component(TARGET ${FUZZER} NAME_WE)
      add_executable(${TARGET} ${FUZZER})
      target_compile_options(${TARGET} PRIVATE -fsanitize=fuzzer)
      target_link_options(${TARGET} PRIVATE -fsanitize=fuzzer)
      target_link_libraries(${TARGET} PRIVATE mainstay_${NAME} ${ARG_TEST_DEPS} ${ARG_FUZZ_DEPS})
      set_property(GLOBAL APPEND PROPERTY MAINSTAY_FUZZERS ${TARGET})
    endforeach()
  endif()
endfunction()
