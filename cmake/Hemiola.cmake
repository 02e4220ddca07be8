# hemiola_library, hemiola_test, hemiola_bench and hemiola_fuzz: one line a target, the same flags
# for all. The DEPENDS lists are the architecture; docs/design.md says what may stand in them.

add_library(hemiola_flags INTERFACE)
target_include_directories(hemiola_flags INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
target_compile_options(hemiola_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion
                       $<$<BOOL:${HEMIOLA_WERROR}>:-Werror>)
# GCC 12 sees copies that overlap in assignments of short strings (its bug 105651), never real ones.
target_compile_options(hemiola_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
# Compiled with each file that includes it, fmt takes half the time of most files; the trainer alone
# makes do with headers all the same, so that it can be carried to any machine.
set(fmt fmt::fmt)
if(HEMIOLA_ONLY STREQUAL "train")
  set(fmt fmt::fmt-header-only)
endif()
target_link_libraries(hemiola_flags INTERFACE Threads::Threads ${fmt} nlohmann_json::nlohmann_json
                      tl::expected)
# Where the baseline has multiply-adds, as ARM64's does, the compiler would make some of its own:
# results would differ from those of x86-64.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(hemiola_flags INTERFACE -ffp-contract=off)
endif()
if(HEMIOLA_SANITIZE)
  target_compile_options(hemiola_flags INTERFACE -fsanitize=${HEMIOLA_SANITIZE}
                         -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(hemiola_flags INTERFACE -fsanitize=${HEMIOLA_SANITIZE})
endif()
if(HEMIOLA_FUZZ)
  target_compile_options(hemiola_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# hemiola_library(midi SOURCES reader.cpp ... DEPENDS base ...): the static library hemiola_midi.
function(hemiola_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(hemiola_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND hemiola_)
  target_link_libraries(hemiola_${name} PUBLIC hemiola_flags ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
endfunction()

# hemiola_test(midi SOURCES reader_test.cpp ... DEPENDS midi ... [LABELS concurrent]): the program
# midi_test, one entry of ctest. LABELS concurrent: also run under the thread sanitizer, for which
# the target concurrent_tests builds these alone.
add_custom_target(concurrent_tests)
function(hemiola_test name)
  if(NOT HEMIOLA_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LINK;LABELS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND hemiola_)
  target_link_libraries(${name}_test PRIVATE hemiola_flags ${ARG_DEPENDS} ${ARG_LINK} GTest::gtest
                        GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name}_test PRIVATE HEMIOLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name}_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("concurrent" IN_LIST ARG_LABELS)
    add_dependencies(concurrent_tests ${name}_test)
  endif()
endfunction()

# hemiola_bench(midi SOURCES reader_bench.cpp DEPENDS midi): the program midi_bench.
function(hemiola_bench name)
  if(NOT HEMIOLA_BENCH)
    return()
  endif()
  find_package(benchmark REQUIRED)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_executable(${name}_bench ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND hemiola_)
  target_link_libraries(${name}_bench PRIVATE hemiola_flags ${ARG_DEPENDS} ${ARG_LINK}
                        benchmark::benchmark)
  target_compile_definitions(${name}_bench PRIVATE HEMIOLA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()

# hemiola_fuzz(midi_reader SOURCES x.cpp DEPENDS midi): the program midi_reader_fuzz. Without Clang
# the same file becomes a ctest that replays fuzz/corpus/midi_reader, so that no crash comes back.
# The target fuzzers builds them all and nothing else.
add_custom_target(fuzzers)
function(hemiola_fuzz name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  list(TRANSFORM ARG_DEPENDS PREPEND hemiola_)
  if(HEMIOLA_FUZZ)
    add_executable(${name}_fuzz ${ARG_SOURCES})
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name}_fuzz)
  elseif(HEMIOLA_TESTS)
    add_executable(${name}_fuzz ${ARG_SOURCES} ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cpp)
    add_test(NAME fuzz_${name}
             COMMAND ${name}_fuzz ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  else()
    return()
  endif()
  target_link_libraries(${name}_fuzz PRIVATE hemiola_flags ${ARG_DEPENDS} ${ARG_LINK})
endfunction()
