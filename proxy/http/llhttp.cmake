# The target postern_llhttp, from whatever this Debian has: 13 ships a library with a CMake package, 12
# ships the generated C sources inside node-llhttp.
find_package(llhttp CONFIG QUIET)
if(TARGET llhttp::llhttp_shared)
  add_library(postern_llhttp INTERFACE)
  target_link_libraries(postern_llhttp INTERFACE llhttp::llhttp_shared)
  return()
endif()

find_path(LLHTTP_SOURCES llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH)
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp /usr/include)
if(NOT LLHTTP_SOURCES OR NOT LLHTTP_INCLUDE)
  message(FATAL_ERROR "llhttp is missing: neither its CMake package nor its C sources were found. "
    "Install libllhttp-dev (Debian 13) or node-llhttp (Debian 12), or run tests/install build.")
endif()
add_library(postern_llhttp STATIC
  "${LLHTTP_SOURCES}/llhttp.c" "${LLHTTP_SOURCES}/api.c" "${LLHTTP_SOURCES}/http.c")
target_include_directories(postern_llhttp SYSTEM PUBLIC "${LLHTTP_INCLUDE}")
