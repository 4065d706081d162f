# SPDX-License-Identifier: MIT
# Man pages and completion. They are made from the table of commands, by programs of the machine
# that muster is built for.
set(can_run ON)
if(CMAKE_CROSSCOMPILING AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  set(can_run OFF)
endif()
option(MUSTER_TEXTS "Write man pages and completion, which runs programs that were built" ${can_run})
if(NOT MUSTER_TEXTS)
  return()
endif()

foreach(maker make_man make_completion)
  add_executable(${maker} ${package_dir}/${maker}.c ${cli_objects})
  target_sees(${maker} ${sees_cli_command})
  target_compile_definitions(${maker} PRIVATE _GNU_SOURCE)
  target_link_libraries(${maker} PRIVATE warnings muster_static ${cli_libraries})
endforeach()

set(completion_bash ${package_build}/muster.bash)
set(completion_zsh ${package_build}/_muster)
set(completion_fish ${package_build}/muster.fish)
add_custom_command(OUTPUT ${package_build}/man/muster.1.gz
  ${completion_bash} ${completion_zsh} ${completion_fish}
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${package_build}/man
  COMMAND ${CMAKE_COMMAND} -E make_directory ${package_build}/man
  COMMAND make_man ${package_build}/man ${package_date}
  COMMAND ${GZIP} -9nr ${package_build}/man
  COMMAND make_completion bash > ${completion_bash}
  COMMAND make_completion zsh > ${completion_zsh}
  COMMAND make_completion fish > ${completion_fish}
  DEPENDS make_man make_completion
  COMMENT "Writing man pages and completion" VERBATIM)
add_custom_target(package_texts ALL DEPENDS ${package_build}/man/muster.1.gz)

# The page of each bridge, of its own description.
foreach(name ${bridge_names})
  set(page muster-bridge-${name}.1)
  add_executable(make_man_${name} ${package_dir}/make_man.c ${bridge_objects_${name}})
  target_sees(make_man_${name} ${sees_bridge_${name}})
  target_compile_definitions(make_man_${name} PRIVATE _GNU_SOURCE MAKE_MAN_OF_BRIDGE)
  target_link_libraries(make_man_${name} PRIVATE warnings muster_static ${bridge_libraries_${name}})
  add_custom_command(OUTPUT ${package_build}/bridges/${page}.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory ${package_build}/bridges
    COMMAND make_man_${name} ${package_build}/bridges ${package_date}
    COMMAND ${GZIP} -9nf ${package_build}/bridges/${page}
    DEPENDS make_man_${name}
    COMMENT "Writing ${page}" VERBATIM)
  add_custom_target(package_text_${name} ALL DEPENDS ${package_build}/bridges/${page}.gz)
  install(FILES ${package_build}/bridges/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT bridge_${name})
endforeach()

# Debian's zsh looks for those of packages elsewhere than for those of the machine's administrator.
set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(package_is_debian)
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()

install(DIRECTORY ${package_build}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
install(FILES ${completion_bash} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME muster COMPONENT command)
install(FILES ${completion_zsh} DESTINATION ${zsh_dir} COMPONENT command)
install(FILES ${completion_fish} DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT command)
