# Packages, warnings, sanitizers and build speed-ups that hold for every target.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
set(Boost_NO_WARN_NEW_VERSIONS ON)  # CMake 3.25 does not know 1.81 yet
find_package(Boost 1.81 EXACT REQUIRED COMPONENTS json)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG COMPONENTS core)
find_package(CLI11 REQUIRED)
find_path(HIREDIS_INCLUDE_DIR hiredis/hiredis.h REQUIRED)
find_library(HIREDIS_LIBRARY hiredis REQUIRED)
find_library(JEMALLOC_LIBRARY jemalloc)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE}")
endif()

add_library(portal_flags INTERFACE)
target_include_directories(portal_flags INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/proxy")
target_compile_options(portal_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                              -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Werror)
target_compile_definitions(
  portal_flags INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
                         SPDLOG_FMT_EXTERNAL PORTAL_VERSION="${PROJECT_VERSION}")
target_link_libraries(portal_flags INTERFACE Threads::Threads)

if(PORTAL_SANITIZE)
  add_compile_options(-fsanitize=${PORTAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PORTAL_SANITIZE})
  if(PORTAL_SANITIZE MATCHES thread)
    # Asio uses fences that gcc cannot instrument; the code itself is still checked.
    target_compile_options(portal_flags INTERFACE -Wno-tsan)
  endif()
endif()
