# SPDX-License-Identifier: MIT
# What other builds find the installed library by: pkg-config's file and CMake's.
include(CMakePackageConfigHelpers)

set(package_pc ${CMAKE_CURRENT_BINARY_DIR}/muster.pc)
set(package_config ${CMAKE_CURRENT_BINARY_DIR}/musterConfig.cmake)
set(package_version ${CMAKE_CURRENT_BINARY_DIR}/musterConfigVersion.cmake)
set(package_cmake_directory ${CMAKE_INSTALL_LIBDIR}/cmake/muster)

# The way from muster.pc up to the prefix, so that an installed tree may be moved.
file(RELATIVE_PATH package_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/muster.pc.in ${package_pc} @ONLY)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/musterConfig.cmake.in ${package_config}
  INSTALL_DESTINATION ${package_cmake_directory} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
# Before 1.0 each minor version may change the interface.
write_basic_package_version_file(${package_version} COMPATIBILITY SameMinorVersion)

install(FILES ${package_pc} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${package_config} ${package_version} DESTINATION ${package_cmake_directory})
