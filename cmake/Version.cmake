# Writes mainstay_version.h into the build folder: the project's version and the commit, which is
# looked up at configure time and again whenever HEAD moves.
find_package(Git QUIET)
set(MAINSTAY_COMMIT "")
if(GIT_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse --short=8 HEAD
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE MAINSTAY_COMMIT
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.git/HEAD)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/mainstay_version.h.in
  ${PROJECT_BINARY_DIR}/generated/mainstay_version.h)
