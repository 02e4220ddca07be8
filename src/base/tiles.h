// The tile registers of x86-64 (AMX). The kernel hands them out only to a process that asks; once
// asked, for all its threads and for good. On other processors nobody has them.
#pragma once

namespace hemiola {

enum class Tiles { kBf16, kInt8 };

// Whether this process may multiply tiles of these numbers. Any thread; asks the kernel once.
bool may_use_tiles(Tiles of);

}  // namespace hemiola
