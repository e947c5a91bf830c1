# Standard and third-party headers that most sources include are parsed once a program, not once a source. Headers of the
# project are never among them: a change would rebuild everything, and a missing include would go unnoticed. (It still can for the
# headers named here: the preset `lint` compiles without.)
option(ISAMORPH_PRECOMPILE "Precompile the headers that most sources include" OFF)

# Without these two ccache would pass every source with a precompiled header by.
if(ISAMORPH_PRECOMPILE AND ISAMORPH_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${ISAMORPH_CCACHE}")
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()

# What the libraries, the command and the tests have in common.
set(isamorph_common_headers
    algorithm array bit charconv chrono cmath cstdint cstring filesystem functional limits map memory mutex numeric optional set span
    stdexcept string string_view tuple utility variant vector fmt/format.h)

# isamorph_precompile(TARGET header...): for TARGET alone.
function(isamorph_precompile target)
  if(ISAMORPH_PRECOMPILE)
    list(TRANSFORM ARGN REPLACE "(.+)" "<\\1>")
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# isamorph_precompiled(NAME header...): a target whose precompiled headers others take over, and nothing else.
function(isamorph_precompiled name)
  if(ISAMORPH_PRECOMPILE)
    set(source "${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp")
    file(CONFIGURE OUTPUT "${source}" CONTENT "")
    add_library(${name} OBJECT "${source}")
    target_compile_features(${name} PUBLIC cxx_std_20)
    target_link_libraries(${name} PRIVATE fmt::fmt)
    isamorph_precompile(${name} ${ARGN})
  endif()
endfunction()

# isamorph_precompile_as(TARGET NAME): what NAME has; both must be compiled with the same flags.
function(isamorph_precompile_as target name)
  if(ISAMORPH_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()
