# What `cmake --install` puts where, and the package that find_package(roomcast) finds.
include(CMakePackageConfigHelpers)

if(TARGET roomcast-server)
  install(TARGETS roomcast-server RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
endif()
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/roomcast COMPONENT runtime)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATADIR}/roomcast COMPONENT runtime
        FILES_MATCHING PATTERN *.md PATTERN *.json)
if(TARGET roomcast-server)
  install(FILES server/config.schema.json deploy/roomcast.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/roomcast
          COMPONENT runtime)
  install(DIRECTORY samples DESTINATION ${CMAKE_INSTALL_DATADIR}/roomcast COMPONENT runtime
          FILES_MATCHING PATTERN roomcast.yaml PATTERN README.md PATTERN embed-server EXCLUDE)
  install(FILES deploy/nginx.conf deploy/haproxy.cfg deploy/ecosystem.config.js
          DESTINATION ${CMAKE_INSTALL_DATADIR}/roomcast/deploy COMPONENT runtime)
  # Not under lib/<architecture>: systemd looks here.
  install(FILES deploy/roomcast.service DESTINATION lib/systemd/system COMPONENT runtime)
  include(roomcast_package)
endif()

# Archives of link-time-optimised objects are of use to this very compiler only: such a build installs the program alone.
if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  return()
endif()

set(roomcast_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/roomcast)
set(roomcast_libraries roomcast_core)
if(TARGET roomcast_server)
  set_target_properties(roomcast_server PROPERTIES EXPORT_NAME server)
  list(APPEND roomcast_libraries roomcast_server)
endif()

install(TARGETS ${roomcast_libraries} EXPORT roomcastTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT roomcastTargets NAMESPACE roomcast:: DESTINATION ${roomcast_package_dir} COMPONENT development)

configure_package_config_file(cmake/roomcastConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/roomcastConfig.cmake
                              INSTALL_DESTINATION ${roomcast_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/roomcastConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/roomcastConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/roomcastConfigVersion.cmake
        DESTINATION ${roomcast_package_dir} COMPONENT development)
