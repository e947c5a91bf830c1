# What `cmake --install` puts in place besides the command and the libraries: the data that the command looks up, and the
# package by which another CMake project finds the libraries as isamorph::semantics ... isamorph::corpus.
include(CMakePackageConfigHelpers)

install(DIRECTORY spec/isa/ DESTINATION ${CMAKE_INSTALL_DATADIR}/isamorph/isa FILES_MATCHING PATTERN "*.isa")
install(DIRECTORY corpus/ DESTINATION ${CMAKE_INSTALL_DATADIR}/isamorph/corpus FILES_MATCHING PATTERN "*.hlo")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/isamorph")
configure_package_config_file(cmake/isamorphConfig.cmake.in "${PROJECT_BINARY_DIR}/isamorphConfig.cmake"
                              INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/isamorphConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(EXPORT isamorphTargets NAMESPACE isamorph:: DESTINATION ${package})
install(FILES "${PROJECT_BINARY_DIR}/isamorphConfig.cmake" "${PROJECT_BINARY_DIR}/isamorphConfigVersion.cmake"
              cmake/FindZ3.cmake
        DESTINATION ${package})
