# Cross-building for Debian 12 on ARM64, used by the preset `arm64`. Libraries come from a root file
# system beside the build (docs/HACKING.md says how it is made); tests run under QEMU.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(HEMIOLA_ARM64_ROOT "${CMAKE_CURRENT_LIST_DIR}/../build/arm64-root" CACHE PATH
    "Root of an ARM64 Debian with the packages to build against")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HEMIOLA_ARM64_ROOT)
get_filename_component(root "${HEMIOLA_ARM64_ROOT}" ABSOLUTE)
set(CMAKE_SYSROOT "${root}")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L "${root}")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${root}")
set(ENV{PKG_CONFIG_LIBDIR} "${root}/usr/lib/aarch64-linux-gnu/pkgconfig:${root}/usr/share/pkgconfig")
