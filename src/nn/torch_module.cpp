// Finds and opens libhemiola_torch: HEMIOLA_TORCH, beside the program, or in ../lib/hemiola.
#include "nn/torch_module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "base/files.h"

namespace hemiola::nn {

namespace {

constexpr const char* kLibrary = "libhemiola_torch.so";

std::vector<Path> places() {
  if (const char* given = std::getenv("HEMIOLA_TORCH"); given != nullptr && *given != '\0') {
    return {given};
  }
  std::error_code code;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", code).parent_path();
  return {program / kLibrary, program / ".." / "lib" / "hemiola" / kLibrary};
}

// Never closed: libtorch does not like to go.
Result<const TorchEntry*> open_module() {
  std::string reasons;
  for (const Path& path : places()) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      reasons += std::string(reasons.empty() ? "" : "; ") + dlerror();
      continue;
    }
    const auto* entry = static_cast<const TorchEntry*>(dlsym(library, kTorchEntry));
    if (entry != nullptr && entry->version == kTorchVersion) return entry;
    return fail("{}: it belongs to another build of this program", path.string());
  }
  return fail("training through libtorch needs {} (built with -DHEMIOLA_NN=ON): {}", kLibrary,
              reasons);
}

const Result<const TorchEntry*>& module() {
  static const Result<const TorchEntry*> opened = open_module();
  return opened;
}

// Whether a driver of a kind that libtorch may use is loaded; asked before half a second is spent.
bool has_driver() {
  std::error_code code;
  return std::filesystem::exists("/dev/nvidiactl", code) ||
         std::filesystem::exists("/dev/kfd", code);
}

}  // namespace

Result<std::unique_ptr<Learner>> make_torch_learner(const Gpt2Shape& shape,
                                                    const TorchLearnerOptions& options) {
  const auto& entry = module();
  if (!entry) return fail(entry.error());
  std::string error;
  auto learner = (*entry)->make_learner(shape, options, error);
  if (learner == nullptr) return fail("{}", error);
  return learner;
}

Result<std::unique_ptr<SemanticLearner>> make_semantic_learner(const SemanticShape& shape,
                                                               const TorchLearnerOptions& options) {
  HEMIOLA_CHECK(check(shape));
  const auto& entry = module();
  if (!entry) return fail(entry.error());
  std::string error;
  auto learner = (*entry)->make_semantic(shape, options, error);
  if (learner == nullptr) return fail("{}", error);
  return learner;
}

Result<std::unique_ptr<CodecLearner>> make_codec_learner(const CodecShape& shape,
                                                         const CodecLearnerOptions& options) {
  HEMIOLA_CHECK(check(shape));
  const auto& entry = module();
  if (!entry) return fail(entry.error());
  std::string error;
  auto learner = (*entry)->make_codec_learner(shape, options, error);
  if (learner == nullptr) return fail("{}", error);
  return learner;
}

Result<std::unique_ptr<Ranks>> join_ranks(const RankPlace& place) {
  const auto& entry = module();
  if (!entry) return fail(entry.error());
  std::string error;
  auto ranks = (*entry)->join_ranks(place, error);
  if (ranks == nullptr) return fail("{}", error);
  return ranks;
}

bool has_gpu() { return has_driver() && module().has_value() && (*module())->has_gpu(); }

}  // namespace hemiola::nn
