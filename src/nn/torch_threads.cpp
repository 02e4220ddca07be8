#include "nn/torch_threads.h"

#include <dlfcn.h>
#include <torch/torch.h>

#include "nn/workers.h"

namespace hemiola::nn {

// Debian's libtorch multiplies through OpenBLAS, which has threads of its own that libtorch does
// not know of. They wait for each other by spinning: on a busy machine that takes twice the time.
void set_torch_threads(int threads) {
  const int count = threads < 1 ? usable_processors() : threads;
  at::set_num_threads(count);
  if (void* found = dlsym(RTLD_DEFAULT, "openblas_set_num_threads")) {
    reinterpret_cast<void (*)(int)>(found)(count);
  }
}

}  // namespace hemiola::nn
