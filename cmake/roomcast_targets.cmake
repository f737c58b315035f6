# What every target of ours has in common.

function(roomcast_common target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                           -Wcast-qual -Wimplicit-fallthrough)
  if(ROOMCAST_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(ROOMCAST_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${ROOMCAST_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${ROOMCAST_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      # With sanitizers GCC 12 sees uninitialised members in the library's own <regex> and <functional>.
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
    if(CMAKE_CXX_COMPILER_ID MATCHES Clang AND ROOMCAST_SANITIZE MATCHES undefined)
      target_compile_options(${target} PRIVATE -fno-sanitize=function)
    endif()
    if(ROOMCAST_SANITIZE MATCHES undefined)
      # The core is built without the RTTI that this check wants to see.
      target_compile_options(${target} PRIVATE -fno-sanitize=vptr)
    endif()
  endif()
endfunction()

# roomcast_test(<name> LABEL <room> SOURCES ... [LIBRARIES ...]): one GoogleTest program for one room.
function(roomcast_test name)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  roomcast_common(${name})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gtest GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABEL}" TIMEOUT 300)
endfunction()
