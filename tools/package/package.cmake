# SPDX-License-Identifier: MIT
# What is installed beside the library, and where; packages.
set(package_dir ${CMAKE_CURRENT_LIST_DIR})
set(package_build ${CMAKE_BINARY_DIR}/package)
string(TIMESTAMP package_date "%Y-%m-%d" UTC) # obeys SOURCE_DATE_EPOCH
find_program(GZIP gzip REQUIRED)

# Debian's packages have places and files of their own, which an installation beside them has no use for.
set(package_is_debian OFF)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(package_is_debian ON)
endif()

include(${package_dir}/texts.cmake)

# ---- the service, and the ports that firewalls open for it ----

# Below the prefix, wherever that is in the end, but for /usr.
set(etc_dir ${CMAKE_INSTALL_SYSCONFDIR})
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(etc_dir ${CMAKE_INSTALL_FULL_SYSCONFDIR})
endif()

configure_file(${package_dir}/muster.service.in ${package_build}/muster.service @ONLY)
install(FILES ${package_build}/muster.service DESTINATION lib/systemd/system COMPONENT command)
install(FILES ${package_dir}/firewalld.xml DESTINATION lib/firewalld/services
  RENAME muster.xml COMPONENT command)
install(FILES ${package_dir}/ufw DESTINATION ${etc_dir}/ufw/applications.d RENAME muster COMPONENT command)

foreach(name ${bridge_names})
  set(unit muster-bridge-${name}.service)
  configure_file(${package_dir}/${unit}.in ${package_build}/${unit} @ONLY)
  install(FILES ${package_build}/${unit} DESTINATION lib/systemd/system COMPONENT bridge_${name})
endforeach()

# A configuration that is there is its owner's.
set(config_dir ${etc_dir}/muster)
set(config_installed "\${CMAKE_INSTALL_PREFIX}")
cmake_path(APPEND config_installed ${config_dir})
install(DIRECTORY DESTINATION ${config_dir}/conf.d COMPONENT command)
install(CODE "
  if(EXISTS \"\$ENV{DESTDIR}${config_installed}/muster.json\")
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"${config_installed}/muster.json\")
  else()
    file(INSTALL \"${package_dir}/muster.json\" DESTINATION \"${config_installed}\")
  endif()" COMPONENT command)

# ---- documents, and the way back ----

# Pages that are written by hand; those of the commands are made of their table (texts.cmake).
set(config_man_dir ${CMAKE_INSTALL_FULL_SYSCONFDIR}/muster)
set(docs_man_dir ${CMAKE_INSTALL_FULL_DOCDIR})
foreach(page muster.json.5 muster-network.7 muster-protocol.7 muster-readings.7 muster-security.7)
  set(path ${package_build}/pages/${page})
  configure_file(${package_dir}/man/${page}.in ${path} @ONLY)
  execute_process(COMMAND ${GZIP} -9nkf ${path} COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE ".*[.]" "" section ${page})
  install(FILES ${path}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT command)
endforeach()

# The module of glibc, which finds it by its name in the directories of libraries.
if(MUSTER_NSS)
  set(page ${package_build}/pages/libnss_muster.8)
  configure_file(${package_dir}/man/libnss_muster.8.in ${page} @ONLY)
  execute_process(COMMAND ${GZIP} -9nkf ${page} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT nss)
  install(TARGETS nss_muster LIBRARY COMPONENT nss NAMELINK_SKIP)
endif()

set(examples_dir ${CMAKE_INSTALL_DOCDIR})
if(package_is_debian)
  set(examples_dir ${CMAKE_INSTALL_DATADIR}/doc/libmuster-dev)
else()
  install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT command)
endif()
install(DIRECTORY tools/examples DESTINATION ${examples_dir} COMPONENT dev)

# Only Debian has one directory for the modules of every Python 3.
set(python_dir ${CMAKE_INSTALL_DATADIR}/muster/python)
if(package_is_debian)
  set(python_dir lib/python3/dist-packages)
endif()
install(FILES tools/python/muster.py DESTINATION ${python_dir} COMPONENT python)

add_custom_target(uninstall
  COMMAND ${CMAKE_COMMAND} -D BUILD=${CMAKE_BINARY_DIR} -P ${package_dir}/uninstall.cmake
  COMMENT "Removing what was installed" VERBATIM)

# ---- Debian packages: the command with all that belongs to it, the library, what a build needs, Python, names ----

set(package_of_command muster)
set(package_of_library libmuster${muster_soversion})
set(package_of_dev libmuster-dev)
set(package_of_python python3-muster)
set(package_of_nss libnss-muster)

set(debian_release 0upstream1) # less than that of any distribution
string(TIMESTAMP changelog_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${package_dir}/changelog.in ${package_build}/changelog.Debian @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/CHANGELOG.md ${package_build}/changelog COPYONLY)
foreach(changelog changelog changelog.Debian)
  execute_process(COMMAND ${GZIP} -9nkf ${package_build}/${changelog} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

include(CPackComponent)
set(CPACK_GENERATOR TGZ)
if(package_is_debian)
  set(CPACK_GENERATOR DEB)
endif()
set(CPACK_PACKAGE_VENDOR "muster developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_PACKAGE_CONTACT "muster developers <muster@localhost.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL command library dev python)
if(MUSTER_NSS)
  list(APPEND CPACK_COMPONENTS_ALL nss)
endif()
foreach(name ${bridge_names})
  list(APPEND CPACK_COMPONENTS_ALL bridge_${name})
endforeach()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${debian_release})
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)
set(CPACK_PRE_BUILD_SCRIPTS ${package_dir}/permissions.cmake)

set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION net)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "tells who is on this network, and what they offer
muster lets programs on a LAN announce themselves and their services over
UDP multicast and broadcast, and lists who is there, with the evidence for
each. There is no server and nothing to configure.

This package has the command, and a service that announces this host.")
set(CPACK_DEBIAN_COMMAND_PACKAGE_CONTROL_EXTRA ${package_dir}/conffiles
  ${package_dir}/postinst ${package_dir}/prerm ${package_dir}/postrm)
set(CPACK_DEBIAN_COMMAND_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${package_dir}/triggers)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "presence and discovery on a LAN - shared library
libmuster lets a program announce itself and its services on a LAN over UDP
multicast and broadcast, and keeps a table of those that do the same. It runs
on the libuv loop of the program.")

set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${package_of_library} (= ${PROJECT_VERSION}-${debian_release}), \
libcjson-dev, libmnl-dev, libsodium-dev, libuv1-dev, zlib1g-dev")
set(CPACK_DEBIAN_DEV_DESCRIPTION "presence and discovery on a LAN - development files
libmuster lets a program announce itself and its services on a LAN over UDP
multicast and broadcast, and keeps a table of those that do the same.

This package has the headers and the static library.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9)")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS python3-nacl)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS ${package_of_command})
set(CPACK_DEBIAN_PYTHON_DESCRIPTION "presence and discovery on a LAN - module of Python
muster lets programs on a LAN announce themselves and their services over
UDP multicast and broadcast, and find those that do the same.

This module finds, watches, announces, publishes and subscribes. With PyNaCl
it signs what it says, and verifies what it hears.")

set(CPACK_DEBIAN_NSS_PACKAGE_SECTION net)
set(CPACK_DEBIAN_NSS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_NSS_PACKAGE_RECOMMENDS ${package_of_command})
set(CPACK_DEBIAN_NSS_PACKAGE_CONTROL_EXTRA ${package_dir}/triggers ${package_dir}/nss/postinst ${package_dir}/nss/postrm)
set(CPACK_DEBIAN_NSS_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_NSS_DESCRIPTION "names of peers on a LAN, for every program
With this module of the name service switch, programs reach the host that
muster lists as \"nas\" by the name nas.muster: ssh nas.muster. It asks the
muster that runs on this machine, and never the network.

Installing it adds muster to the hosts of /etc/nsswitch.conf.")

set(bridge_summary_mqtt "joins a LAN to others, by a broker of MQTT
muster bridge mqtt carries readings and what peers offer between this LAN and
a broker: to other sites with a bridge, to Home Assistant, and to whatever
else speaks MQTT.")

set(bridge_summary_dnssd "has one list of services with DNS-SD, by Avahi
muster bridge dnssd registers what peers offer with Avahi, so that Bonjour and
zeroconf find it, and announces what Avahi finds: printers, phones, speakers.")

set(CPACK_DEBIAN_BRIDGE_DNSSD_PACKAGE_RECOMMENDS avahi-daemon)

# Its scripts are those of the command, for its unit and the state of that.
foreach(name ${bridge_names})
  set(package muster-bridge-${name})
  set(package_of_bridge_${name} ${package})
  set(upper BRIDGE_${name})
  string(TOUPPER ${upper} upper)
  set(scripts)
  foreach(script postinst prerm postrm)
    file(READ ${package_dir}/${script} text)
    string(REPLACE "muster.service" "${package}.service" text "${text}")
    string(REPLACE "muster muster-service private/muster-service" "${package} private/${package}" text "${text}")
    set(path ${package_build}/${package}/${script})
    file(WRITE ${path} "${text}")
    file(CHMOD ${path} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    list(APPEND scripts ${path})
  endforeach()
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION net)
  set(CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ON)
  set(CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS "${package_of_command} (= ${PROJECT_VERSION}-${debian_release})")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${bridge_summary_${name}}")
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${scripts})
  set(CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_STRICT_PERMISSION ON)
endforeach()

foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  set(package ${package_of_${component}})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${package})
  if(package_is_debian)
    set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/${package})
    install(FILES ${package_dir}/copyright ${package_build}/changelog.gz ${package_build}/changelog.Debian.gz
      DESTINATION ${doc_dir} COMPONENT ${component})
  endif()
endforeach()
if(package_is_debian)
  install(FILES ${package_dir}/overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides
    RENAME ${package_of_library} COMPONENT library)
endif()

# ---- the source package: this tree without what was built in it, and without its history ----

# What is left out is matched by its whole path: a directory above may be named "build".
set(CPACK_SOURCE_IGNORE_FILES /__pycache__/)
foreach(path ${CMAKE_SOURCE_DIR}/build/ ${CMAKE_SOURCE_DIR}/.git/ ${CMAKE_BINARY_DIR}/)
  string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" pattern ${path})
  list(APPEND CPACK_SOURCE_IGNORE_FILES ^${pattern})
endforeach()
list(APPEND CPACK_SOURCE_IGNORE_FILES /[.]git$) # of a worktree
set(CPACK_SOURCE_GENERATOR TXZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME muster-${PROJECT_VERSION})
set(CPACK_VERBATIM_VARIABLES ON)

include(CPack)
