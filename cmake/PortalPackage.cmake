# `cmake --install` and the Debian package (`make package`): the program, its units, man page, shell completion, an example
# configuration, and the alerts and dashboards.
include(GNUInstallDirs)
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # tests need not be built for a package

set(PORTAL_DOC_DIR share/doc/redis-portal)
set(PORTAL_UNIT_DIR lib/systemd/system)
set(PORTAL_SYSUSERS_DIR lib/sysusers.d)
install(TARGETS redis-portal RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES packaging/redis-portal.service packaging/redis-portal@.service packaging/redis-portal-agent@.service
        DESTINATION "${PORTAL_UNIT_DIR}")
install(FILES packaging/redis-portal.sysusers DESTINATION "${PORTAL_SYSUSERS_DIR}" RENAME redis-portal.conf)
install(FILES packaging/redis-portal.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES packaging/completion/redis-portal.bash DESTINATION share/bash-completion/completions RENAME redis-portal)
install(FILES packaging/completion/_redis-portal DESTINATION share/zsh/vendor-completions)
install(FILES packaging/completion/redis-portal.fish DESTINATION share/fish/vendor_completions.d)
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION "${PORTAL_DOC_DIR}")
install(FILES LICENSE DESTINATION "${PORTAL_DOC_DIR}" RENAME copyright)
install(DIRECTORY docs/ DESTINATION "${PORTAL_DOC_DIR}/docs" FILES_MATCHING PATTERN "*.md" PATTERN "plots" EXCLUDE)
install(FILES packaging/portal.yaml packaging/agent.yaml DESTINATION "${PORTAL_DOC_DIR}/examples")
install(DIRECTORY helm/redis-portal/files/dashboards DESTINATION "${PORTAL_DOC_DIR}/examples")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME redis-portal)
set(CPACK_PACKAGE_CONTACT "the redis-portal team <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "TLS front for Redis that carries clients through a failover")
set(CPACK_PACKAGE_DESCRIPTION
    "Applications connect over TLS with any Redis client. A portal sends each command to the node that leads now, detects a dead leader, promotes a replica and keeps client connections open meanwhile."
)
set(CPACK_PACKAGE_INSTALL_DIRECTORY redis-portal)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server, redis-tools")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/packaging/debian/postinst"
                                       "${PROJECT_SOURCE_DIR}/packaging/debian/prerm"
                                       "${PROJECT_SOURCE_DIR}/packaging/debian/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
