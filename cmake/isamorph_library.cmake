# isamorph_warnings(TARGET): the warnings that all code of the project compiles without.
function(isamorph_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow
                         $<$<BOOL:${ISAMORPH_WERROR}>:-Werror>)
endfunction()

# isamorph_library(NAME [FOLDER folder] [LINK public-libs...] [PRIVATE private-libs...]): the static library of one folder
# (by default NAME), and how it is installed. A private library that is new here also needs a line in cmake/isamorphConfig.cmake.in.
function(isamorph_library name)
  cmake_parse_arguments(arg "" "FOLDER" "LINK;PRIVATE" ${ARGN})
  if(NOT arg_FOLDER)
    set(arg_FOLDER ${name})
  endif()
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(isamorph_${name} STATIC ${sources})
  add_library(isamorph::${name} ALIAS isamorph_${name})
  target_compile_features(isamorph_${name} PUBLIC cxx_std_20)
  isamorph_warnings(isamorph_${name})
  target_include_directories(isamorph_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/isamorph>)
  target_link_libraries(isamorph_${name} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE})
  isamorph_precompile_as(isamorph_${name} isamorph_precompiled_common)
  set_target_properties(isamorph_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS isamorph_${name} EXPORT isamorphTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/isamorph/${arg_FOLDER}
          FILES_MATCHING PATTERN "*.h")
endfunction()

# isamorph_embed(TARGET FILE SYMBOL): compiles the text of FILE into TARGET as
# `extern const char isamorph::embedded::SYMBOL[]` (declare it where it is used).
function(isamorph_embed target file symbol)
  set(output "${CMAKE_CURRENT_BINARY_DIR}/${symbol}.embedded.cpp")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUTPUT=${output} -DSYMBOL=${symbol}
            -P "${PROJECT_SOURCE_DIR}/cmake/embed.cmake"
    DEPENDS "${file}" "${PROJECT_SOURCE_DIR}/cmake/embed.cmake")
  target_sources(${target} PRIVATE "${output}")
endfunction()
