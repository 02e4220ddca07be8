// The precompiled header of the files that include libtorch.
#pragma once

#include <torch/torch.h>
