# Man pages and shell completion, and where they are to be installed.
set(package_dir ${CMAKE_CURRENT_LIST_DIR})
set(package_build ${CMAKE_BINARY_DIR}/package)
string(TIMESTAMP package_date "%Y-%m-%d" UTC) # obeys SOURCE_DATE_EPOCH
find_program(GZIP gzip REQUIRED)

# ---- what is made from the table of commands ----

foreach(maker make_man make_completion)
  add_executable(${maker} ${package_dir}/${maker}.c $<TARGET_OBJECTS:cli> $<TARGET_OBJECTS:json>)
  target_sees(${maker} ${room_json} ${room_cli})
  target_compile_definitions(${maker} PRIVATE _GNU_SOURCE)
  target_link_libraries(${maker} PRIVATE warnings muster_static PkgConfig::SMARTCOLS)
endforeach()

set(completion_bash ${package_build}/muster.bash)
set(completion_zsh ${package_build}/_muster)
add_custom_command(OUTPUT ${package_build}/man/muster.1.gz ${completion_bash} ${completion_zsh}
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${package_build}/man
  COMMAND ${CMAKE_COMMAND} -E make_directory ${package_build}/man
  COMMAND make_man ${package_build}/man ${package_date}
  COMMAND ${GZIP} -9nr ${package_build}/man
  COMMAND make_completion bash > ${completion_bash}
  COMMAND make_completion zsh > ${completion_zsh}
  DEPENDS make_man make_completion
  COMMENT "Writing man pages and completion" VERBATIM)
add_custom_target(package_texts ALL DEPENDS ${package_build}/man/muster.1.gz)

# Debian's zsh looks for those of packages elsewhere than for those of the machine's administrator.
set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND EXISTS /etc/debian_version)
  set(zsh_dir ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()

install(DIRECTORY ${package_build}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT command)
install(FILES ${completion_bash} DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME muster COMPONENT command)
install(FILES ${completion_zsh} DESTINATION ${zsh_dir} COMPONENT command)
