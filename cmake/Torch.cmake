# hemiola_find_torch(): libtorch as the target hemiola_libtorch, and its release in
# HEMIOLA_TORCH_VERSION; neither where there is none. Found as any package is (Debian's libtorch-dev,
# or CMAKE_PREFIX_PATH), or in the folder HEMIOLA_TORCH of a PyTorch for Python: that one is linked
# as it is, since its own CMake files ask for a whole CUDA toolkit if it was built for GPUs.
set(HEMIOLA_TORCH "" CACHE PATH "The folder `torch` of a Python installation, to use its libtorch")

function(hemiola_find_torch)
  set(options "")
  if(HEMIOLA_TORCH)
    file(STRINGS ${HEMIOLA_TORCH}/version.py version REGEX "^__version__")
    string(REGEX MATCH "[0-9]+(\\.[0-9]+)+" version "${version}")
    set(include ${HEMIOLA_TORCH}/include ${HEMIOLA_TORCH}/include/torch/csrc/api/include)
    # libtorch.so itself holds nothing, but brings in what there is for GPUs.
    set(libraries -Wl,--no-as-needed ${HEMIOLA_TORCH}/lib/libtorch.so
                  ${HEMIOLA_TORCH}/lib/libtorch_cpu.so ${HEMIOLA_TORCH}/lib/libc10.so
                  -Wl,--as-needed)
  else()
    find_package(Torch QUIET)
    if(NOT Torch_FOUND)
      return()
    endif()
    set(version ${Torch_VERSION})
    set(include ${TORCH_INCLUDE_DIRS})
    set(libraries ${TORCH_LIBRARIES})
    separate_arguments(options NATIVE_COMMAND "${TORCH_CXX_FLAGS}")
  endif()
  add_library(hemiola_libtorch INTERFACE)
  target_compile_options(hemiola_libtorch INTERFACE ${options})
  target_include_directories(hemiola_libtorch SYSTEM INTERFACE ${include})
  target_link_libraries(hemiola_libtorch INTERFACE ${libraries})
  set(HEMIOLA_TORCH_VERSION ${version} PARENT_SCOPE)
  message(STATUS "libtorch ${version}")
endfunction()
