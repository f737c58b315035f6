# `cpack -G DEB` in the build directory of the preset "package" makes the Debian package of roomcast-server.

# What belongs to the distribution's own places; in no other installation.
install(FILES deploy/roomcast.yaml DESTINATION /etc/roomcast COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES deploy/debian/default DESTINATION /etc/default RENAME roomcast
        PERMISSIONS OWNER_READ OWNER_WRITE COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES LICENSE DESTINATION /usr/share/doc/roomcast-server RENAME copyright COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_PACKAGE_NAME roomcast-server)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "real-time server that speaks the protocol of Socket.IO")
set(CPACK_PACKAGE_CONTACT "roomcast developers <roomcast@localhost>")
set(CPACK_PACKAGE_FILE_NAME roomcast-server)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime debian)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_NAME roomcast-server)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Clients of socket.io-client connect to it over HTTP long-polling and WebSocket; what their events do stands in one configuration file.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles ${PROJECT_SOURCE_DIR}/deploy/debian/postinst
    ${PROJECT_SOURCE_DIR}/deploy/debian/prerm ${PROJECT_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
