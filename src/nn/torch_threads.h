// How many threads libtorch uses on a processor, and with it the library of matrix products that it
// was built with.
#pragma once

namespace hemiola::nn {

// threads < 1: one for each processor that may be used. For the whole process.
void set_torch_threads(int threads);

}  // namespace hemiola::nn
