#include "base/tiles.h"

namespace hemiola {

bool may_use_tiles(Tiles) { return false; }

}  // namespace hemiola
