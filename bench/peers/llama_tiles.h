// For llama.cpp's products in tiles (ggml-cpu/amx/mmq.cpp), which GCC 12 breaks: its intrinsics do
// not say what memory they read, so the tiles' shapes are never written and loading them faults.
#pragma once

#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#undef _tile_loadd
#define _tile_loadd(tile, base, stride)        \
  do {                                         \
    asm volatile("" : : "r"(base) : "memory"); \
    _tile_loadd_internal(tile, base, stride);  \
  } while (0)

static inline void settled_tile_loadconfig(const void* shapes) {
  asm volatile("" : : "r"(shapes) : "memory");
  _tile_loadconfig(shapes);
}
#define _tile_loadconfig settled_tile_loadconfig
#endif
