# Toolchain file of the wasm preset: Emscripten as a compiler of standalone .wasm files, which Node runs through
# its WASI. The JavaScript that Emscripten 3.1.6 would generate does not start on Node 18 and later.

find_program(roomcast_emxx em++ REQUIRED NO_CACHE)
file(REAL_PATH ${roomcast_emxx} roomcast_emxx)
cmake_path(GET roomcast_emxx PARENT_PATH roomcast_emscripten_root)
include(${roomcast_emscripten_root}/cmake/Modules/Platform/Emscripten.cmake)

find_program(roomcast_node NAMES node nodejs REQUIRED NO_CACHE NO_CMAKE_FIND_ROOT_PATH)
set(CMAKE_CROSSCOMPILING_EMULATOR ${roomcast_node} --no-warnings ${CMAKE_CURRENT_LIST_DIR}/run_wasm.mjs)
set(CMAKE_EXECUTABLE_SUFFIX_CXX .wasm)
