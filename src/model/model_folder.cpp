#include "model/model_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/hash.h"

namespace hemiola {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigLimit = std::size_t{1} << 18;
constexpr std::size_t kTextLimit = std::size_t{64} << 20;

bool is_floating(Dtype dtype) {
  return dtype == Dtype::kF32 || dtype == Dtype::kF16 || dtype == Dtype::kBf16;
}

Result<std::string> read_optional_text(const Path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return std::string();
  return read_text(path, kTextLimit);
}

// What to say when model.safetensors is missing and something else of a model lies there.
std::string_view other_weights(const Path& folder) {
  std::error_code code;
  if (fs::exists(folder / "model.safetensors.index.json", code)) {
    return "the model is split into several files; join them first (save it again with "
           "max_shard_size large enough)";
  }
  if (fs::exists(folder / "pytorch_model.bin", code)) {
    return "there is a pytorch_model.bin; save the model again with safe_serialization=True";
  }
  return "name the folder that holds config.json and model.safetensors";
}

// A folder is ours to replace when it holds nothing but a model's own files.
Status check_replaceable(const Path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  if (!fs::is_directory(folder, code)) {
    return fail("{}: is not a folder; a model is saved as a folder", folder.string());
  }
  constexpr std::array<std::string_view, 4> own = {kConfigFile, kWeightsFile, kTokenizerFile,
                                                   kCardFile};
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string file = entry.path().filename().string();
    if (std::find(own.begin(), own.end(), file) == own.end()) {
      return fail(
          "{}: holds \"{}\" beside the model, which saving would remove; save into a "
          "folder of its own",
          folder.string(), file);
    }
  }
  if (code) return fail("{}: cannot list: {}", folder.string(), code.message());
  return {};
}

Status system_failure(const Path& path, std::string_view what) {
  return fail("{}: cannot {}: {}", path.string(), what, std::strerror(errno));
}

// Puts `staged` where `folder` is, at once, and removes what was there.
Status put_in_place(const Path& staged, const Path& folder) {
  std::error_code code;
  if (!fs::exists(folder, code)) {
    if (::rename(staged.c_str(), folder.c_str()) != 0) return system_failure(folder, "rename");
    return {};
  }
  if (::renameat2(AT_FDCWD, staged.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(staged, code);
    return {};
  }
  if (errno != EINVAL && errno != ENOSYS) return system_failure(folder, "replace");
  // A file system without exchange: for a moment there is only the old one, under another name.
  Path old = staged;
  old += ".old";
  if (::rename(folder.c_str(), old.c_str()) != 0) return system_failure(folder, "rename");
  if (::rename(staged.c_str(), folder.c_str()) != 0) {
    const Status failure = system_failure(folder, "rename");
    if (::rename(old.c_str(), folder.c_str()) != 0) return system_failure(old, "put back");
    return failure;
  }
  fs::remove_all(old, code);
  return {};
}

}  // namespace

std::string tokenizer_hash(std::string_view tokenizer) {
  return to_hex(Sha256().update(tokenizer).finish());
}

Result<WeightMap> match_gpt2_tensors(const ModelConfig& config, std::span<const TensorView> tensors,
                                     std::string_view where) {
  std::map<std::string_view, const TensorView*> found;
  for (const TensorView& tensor : tensors) {
    std::string_view name = tensor.name;
    if (name.starts_with(kTensorPrefix)) name.remove_prefix(kTensorPrefix.size());
    if (!found.emplace(name, &tensor).second) {
      return fail("{}: tensor {} stands there twice, with and without the prefix {}", where, name,
                  kTensorPrefix);
    }
  }
  WeightMap weights;
  for (const TensorSpec& spec : gpt2_tensors(config)) {
    const auto entry = found.find(spec.name);
    if (entry == found.end()) {
      return fail(
          "{}: tensor {} {} is missing; the settings and the weights are of different "
          "models, or the file is incomplete",
          where, spec.name, shown(spec.shape));
    }
    const TensorView& tensor = *entry->second;
    if (tensor.shape != spec.shape) {
      return fail(
          "{}: tensor {}: expected shape {} after the settings, got {}; the settings and "
          "the weights are of different models",
          where, spec.name, shown(spec.shape), shown(tensor.shape));
    }
    if (!is_floating(tensor.dtype)) {
      return fail("{}: tensor {}: expected F32, BF16 or F16, got {}", where, spec.name,
                  name(tensor.dtype));
    }
    TensorView& mine = weights[spec.name] = tensor;
    mine.name = spec.name;
  }
  return weights;
}

Result<ModelFolder> load_model_folder(const Path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    return fail("{}: no such model folder; {}", folder.string(), other_weights(folder));
  }
  const Path config_path = folder / kConfigFile, weights_path = folder / kWeightsFile;
  if (!fs::exists(config_path, code)) {
    return fail("{}: holds no {}, so it is no model; {}", folder.string(), kConfigFile,
                other_weights(folder));
  }
  if (!fs::exists(weights_path, code)) {
    return fail("{}: holds no {}; {}", folder.string(), kWeightsFile, other_weights(folder));
  }
  HEMIOLA_TRY(const std::string config_text, read_text(config_path, kConfigLimit));
  HEMIOLA_TRY(ModelConfig config, parse_config(config_text, config_path.string()));
  HEMIOLA_TRY(SafetensorsFile file, SafetensorsFile::open(weights_path));
  HEMIOLA_TRY(WeightMap weights,
              match_gpt2_tensors(config, file.view().tensors(), weights_path.string()));
  HEMIOLA_TRY(std::string tokenizer, read_optional_text(folder / kTokenizerFile));
  HEMIOLA_TRY(std::string card, read_optional_text(folder / kCardFile));
  if (!config.tokenizer_sha256.empty()) {
    if (tokenizer.empty()) {
      return fail("{}: {} is missing, though {} names it (SHA-256 {}); copy it there",
                  folder.string(), kTokenizerFile, kConfigFile, config.tokenizer_sha256);
    }
    if (const auto hash = tokenizer_hash(tokenizer); hash != config.tokenizer_sha256) {
      return fail("{}: {} is not the one the model was trained with: its SHA-256 is {}, {} says {}",
                  folder.string(), kTokenizerFile, hash, kConfigFile, config.tokenizer_sha256);
    }
  }
  return ModelFolder{std::move(config), std::move(file), std::move(weights), std::move(tokenizer),
                     std::move(card)};
}

Status save_model_folder(const Path& folder, const ModelToSave& model) {
  ModelConfig config = model.config;
  if (!model.tokenizer.empty()) config.tokenizer_sha256 = tokenizer_hash(model.tokenizer);
  HEMIOLA_CHECK(check(config));
  HEMIOLA_TRY(const WeightMap weights, match_gpt2_tensors(config, model.weights, folder.string()));
  std::vector<TensorView> ordered;
  for (const TensorSpec& spec : gpt2_tensors(config)) {
    TensorView& tensor = ordered.emplace_back(weights.find(spec.name)->second);
    if (spec.name != "lm_head.weight") tensor.name = std::string(kTensorPrefix) + spec.name;
  }

  // "models/x/" and "models/x" are the same folder.
  const Path place = folder.has_filename() ? folder : folder.parent_path();
  HEMIOLA_CHECK(check_replaceable(place));
  std::error_code code;
  if (place.has_parent_path()) fs::create_directories(place.parent_path(), code);
  if (code) return fail("{}: cannot create the folder: {}", place.string(), code.message());
  Path staged = place;
  staged += fmt::format(".{}.tmp", ::getpid());
  fs::remove_all(staged, code);
  const auto write_all = [&]() -> Status {
    HEMIOLA_CHECK(write_safetensors(staged / kWeightsFile, ordered, {{"format", "pt"}}));
    if (!model.tokenizer.empty()) {
      HEMIOLA_CHECK(write_text(staged / kTokenizerFile, model.tokenizer));
    }
    if (!model.card.empty()) HEMIOLA_CHECK(write_text(staged / kCardFile, model.card));
    HEMIOLA_CHECK(write_text(staged / kConfigFile, json_text(config_to_json(config), 2) + "\n"));
    return put_in_place(staged, place);
  };
  Status status = write_all();
  if (!status) fs::remove_all(staged, code);
  return status;
}

}  // namespace hemiola
