# Called by ctest: see CMakeLists.txt beside this file.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGV}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix "${WORK_DIR}/prefix")
file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${prefix}")

foreach(path bin/isamorph include/isamorph/semantics/graph.h include/isamorph/corpus share/isamorph/isa/qkv.isa
             share/isamorph/corpus/qkv/attention.hlo)
  if(NOT EXISTS "${prefix}/${path}")
    message(FATAL_ERROR "${path} is not installed")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -S "${SOURCE_DIR}" -B "${WORK_DIR}/build" -G "${GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}"
    "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}" "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_BUILD_TYPE=Release)
run("${CMAKE_COMMAND}" --build "${WORK_DIR}/build")
run("${WORK_DIR}/build/consumer" "${CORPUS}/qkv/attention.hlo" "${prefix}/share/isamorph/isa/qkv.isa")
if(NOT output MATCHES "attention: 3 parameters; qkv: 7 instructions")
  message(FATAL_ERROR "unexpected output: ${output}")
endif()

# The installed command finds the installed ISAs without the source tree.
run("${CMAKE_COMMAND}" -E chdir "${WORK_DIR}" "${CMAKE_COMMAND}" -E env --unset=ISAMORPH_ISA_PATH
    "${prefix}/bin/isamorph" synth "${prefix}/share/isamorph/corpus/qkv/attention.hlo" --isa qkv)
