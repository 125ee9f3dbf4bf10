# portal_library(name SOURCES a.cpp ... NEEDS target ...): one static library per leaf folder.
# NEEDS are public: whoever includes our headers sees theirs.
function(portal_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;NEEDS")
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC portal_flags ${arg_NEEDS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE portal_flags ${arg_NEEDS})
  endif()
endfunction()

# portal_test(name LABEL unit SOURCES a_test.cpp ... NEEDS target ...): one GoogleTest program, found test by test.
function(portal_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;NEEDS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE portal_flags GTest::gtest GTest::gtest_main ${arg_NEEDS})
  gtest_discover_tests(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT 120)
endfunction()
