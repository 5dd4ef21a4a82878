# davit_unit, davit_contract and the layer check, all through ctest. Tests run with tests/ as their working directory, so
# fixtures are opened as "golden/…".
enable_testing()
find_package(Catch2 3 REQUIRED)
include(Catch)

file(GLOB support CONFIGURE_DEPENDS tests/support/*.cpp)
if(support)
  add_library(davit_support STATIC ${support})
  target_link_libraries(davit_support PUBLIC davit_cli Catch2::Catch2 PRIVATE davit_flags)
  target_include_directories(davit_support PUBLIC tests)
else()
  add_library(davit_support INTERFACE)
  target_link_libraries(davit_support INTERFACE davit_cli Catch2::Catch2)
  target_include_directories(davit_support INTERFACE tests)
endif()

# davit_suite(NAME): tests/NAME/**.cpp as davit_NAME, every test case a case of ctest.
function(davit_suite name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS tests/${name}/*.cpp)
  if(sources)
    add_executable(davit_${name} ${sources})
    target_link_libraries(davit_${name} PRIVATE davit_support Catch2::Catch2WithMain davit_flags)
    catch_discover_tests(davit_${name} TEST_PREFIX "${name}: " DISCOVERY_MODE PRE_TEST
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 4)
  endif()
endfunction()
davit_suite(unit)
davit_suite(contract)

if(DAVIT_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/*.cpp)
  foreach(fuzzer IN LISTS fuzzers)
    get_filename_component(name ${fuzzer} NAME_WE)
    add_executable(davit_fuzz_${name} ${fuzzer})
    target_link_libraries(davit_fuzz_${name} PRIVATE davit_support davit_flags)
    target_compile_options(davit_fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(davit_fuzz_${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
endif()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME layers COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/layers.py ${CMAKE_SOURCE_DIR}/src)
add_test(NAME layers_rejects_bad_trees COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/tests/layers_test.py)
