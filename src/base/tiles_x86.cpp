#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/tiles.h"

namespace hemiola {

bool may_use_tiles(Tiles of) {
  static const unsigned features = [] {
    constexpr int kAskForState = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
    constexpr unsigned kAmxTile = 1u << 24;
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kAmxTile) == 0) return 0u;
    return ::syscall(SYS_arch_prctl, kAskForState, kTileData) == 0 ? d : 0u;
  }();
  return (features >> (of == Tiles::kBf16 ? 22 : 25) & 1) != 0;
}

}  // namespace hemiola
