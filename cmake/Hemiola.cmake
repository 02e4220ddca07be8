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

# What most files include, compiled once for all (src/base/pch.h, and test_pch.h for tests): up to three
# seconds less for each file. Off where it would hide that a file misses an include, or where its
# flags differ from file to file.
include(CMakeDependentOption)
cmake_dependent_option(HEMIOLA_PCH "Precompile common headers" ON
                       "CMAKE_CXX_COMPILER_ID STREQUAL GNU;NOT CMAKE_CROSSCOMPILING;NOT HEMIOLA_ONLY" OFF)
if(HEMIOLA_PCH)
  # One form of position-independent code, for libraries and programs alike, or they cannot share.
  set(CMAKE_CXX_COMPILE_OPTIONS_PIE ${CMAKE_CXX_COMPILE_OPTIONS_PIC})
  # ccache must see the header behind the precompiled one. From one, GCC 12 no longer knows which code
  # is the standard library's, and says of its strings what it keeps to itself otherwise.
  target_compile_options(hemiola_flags INTERFACE -fpch-preprocess -Wno-array-bounds
                         -Wno-stringop-overflow -Wno-stringop-overread)
endif()

# hemiola_precompile(target first header): the target `first` precompiles src/header for all that name
# it; their flags must be the same.
function(hemiola_precompile target first header)
  if(NOT HEMIOLA_PCH)
    return()
  endif()
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src/${header})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()

# The presets with sanitizers say -Og, with which most files take four tenths less time to build; the
# tests of these would lose more than that.
set(computing audio audiolm evaluate)

# hemiola_library(midi SOURCES reader.cpp ... DEPENDS base ... [PCH header]): the static library
# hemiola_midi, with a precompiled header of its own if need be.
function(hemiola_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(hemiola_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND hemiola_)
  target_link_libraries(hemiola_${name} PUBLIC hemiola_flags ${ARG_DEPENDS} PRIVATE ${ARG_LINK})
  if(HEMIOLA_SANITIZE AND name IN_LIST computing)
    target_compile_options(hemiola_${name} PRIVATE -O1)
  endif()
  if(ARG_PCH)
    hemiola_precompile(hemiola_${name} hemiola_${name} ${ARG_PCH})
  else()
    hemiola_precompile(hemiola_${name} hemiola_base base/pch.h)
  endif()
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
  # What takes time stands in the libraries.
  target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)
  hemiola_precompile(${name}_test base_test base/test_pch.h)
  add_test(NAME ${name} COMMAND ${name}_test)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(HEMIOLA_SANITIZE)
    math(EXPR ARG_TIMEOUT "2 * ${ARG_TIMEOUT}")
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
  hemiola_precompile(${name}_fuzz hemiola_base base/pch.h)
endfunction()
