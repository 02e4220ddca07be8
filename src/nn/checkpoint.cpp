#include "nn/checkpoint.h"

#include <cstring>

#include "base/rng.h"
#include "model/safetensors.h"

namespace hemiola::nn {

namespace {

constexpr std::string_view kFormat = "hemiola-checkpoint-1";

struct Part {
  const char* name;
  std::vector<float> LearnerState::*values;
};
constexpr Part kParts[] = {{"weights", &LearnerState::weights},
                           {"mean", &LearnerState::mean},
                           {"square", &LearnerState::square},
                           {"average", &LearnerState::average}};

// Four running hashes over words of eight bytes: as fast as memory, and any changed byte shows.
std::uint64_t checksum(std::uint64_t seed, std::span<const std::uint8_t> bytes) {
  std::uint64_t lanes[4] = {mix64(seed), mix64(seed + 1), mix64(seed + 2), mix64(seed + 3)};
  std::size_t i = 0;
  for (; i + 32 <= bytes.size(); i += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i + 8 * lane, 8);
      lanes[lane] = (lanes[lane] ^ word) * 0x9e3779b97f4a7c15U;
      lanes[lane] ^= lanes[lane] >> 29;
    }
  }
  std::uint64_t total = mix64(bytes.size());
  for (std::uint64_t lane : lanes) total = mix64(total ^ lane);
  for (; i < bytes.size(); ++i) total = mix64(total ^ bytes[i]);
  return total;
}

std::string checksum_text(const std::string& info, std::span<const TensorView> tensors) {
  std::uint64_t sum =
      checksum(1, {reinterpret_cast<const std::uint8_t*>(info.data()), info.size()});
  for (const TensorView& tensor : tensors) sum = checksum(sum, tensor.bytes);
  return fmt::format("{:016x}", sum);
}

Result<SafetensorsFile> open_checkpoint(const Path& path) {
  HEMIOLA_TRY(auto file, SafetensorsFile::open(path));
  const Metadata& metadata = file.view().metadata();
  const auto format = metadata.find("format");
  if (format == metadata.end() || format->second != kFormat || !metadata.contains("info") ||
      !metadata.contains("checksum")) {
    return fail("{}: not a checkpoint of this program (expected format {})", path.string(),
                kFormat);
  }
  return file;
}

Status write(const Path& path, const Json& json, std::span<const TensorView> tensors) {
  const std::string info = json_text(json);
  return write_safetensors(path, tensors,
                           {{"format", std::string(kFormat)},
                            {"info", info},
                            {"checksum", checksum_text(info, tensors)}});
}

Status verify(const Path& path, const Metadata& metadata, std::span<const TensorView> tensors) {
  const std::string sum = checksum_text(metadata.at("info"), tensors);
  if (sum == metadata.at("checksum")) return {};
  return fail("{}: the checkpoint is damaged (checksum {}, expected {})", path.string(), sum,
              metadata.at("checksum"));
}

}  // namespace

Status write_checkpoint(const Path& path, const Checkpoint& checkpoint) {
  std::vector<TensorView> tensors;
  for (const Part& part : kParts) {
    const std::vector<float>& values = checkpoint.state.*part.values;
    if (values.empty()) continue;
    tensors.push_back(view_of(part.name, {static_cast<std::int64_t>(values.size())}, values));
  }
  return write(path, checkpoint.info, tensors);
}

Result<Checkpoint> read_checkpoint(const Path& path, std::size_t size) {
  HEMIOLA_TRY(const auto file, open_checkpoint(path));
  const Metadata& metadata = file.view().metadata();
  const std::string& info = metadata.at("info");
  std::vector<TensorView> tensors;
  for (const Part& part : kParts) {
    if (const TensorView* tensor = file.view().find(part.name)) tensors.push_back(*tensor);
  }
  HEMIOLA_CHECK(verify(path, metadata, tensors));
  Checkpoint checkpoint;
  HEMIOLA_TRY(checkpoint.info, parse_json(info, path.string()));
  for (const Part& part : kParts) {
    const TensorView* tensor = file.view().find(part.name);
    if (tensor == nullptr) continue;
    if (tensor->elements() != size || tensor->dtype != Dtype::kF32) {
      return fail("{}: array \"{}\" holds {} values, expected {}: another model's checkpoint",
                  path.string(), part.name, tensor->elements(), size);
    }
    std::vector<float>& values = checkpoint.state.*part.values;
    values.resize(size);
    read_floats(*tensor, 0, values);
  }
  if (checkpoint.state.weights.empty()) return fail("{}: no weights in it", path.string());
  return checkpoint;
}

Status write_array_checkpoint(const Path& path, const ArrayCheckpoint& checkpoint) {
  std::vector<TensorView> tensors;
  for (const NamedArray& array : checkpoint.arrays) {
    tensors.push_back(
        view_of(array.name, {static_cast<std::int64_t>(array.values.size())}, array.values));
  }
  return write(path, checkpoint.info, tensors);
}

Result<ArrayCheckpoint> read_array_checkpoint(const Path& path) {
  HEMIOLA_TRY(const auto file, open_checkpoint(path));
  HEMIOLA_CHECK(verify(path, file.view().metadata(), file.view().tensors()));
  ArrayCheckpoint checkpoint;
  HEMIOLA_TRY(checkpoint.info, parse_json(file.view().metadata().at("info"), path.string()));
  for (const TensorView& tensor : file.view().tensors()) {
    if (tensor.dtype != Dtype::kF32) {
      return fail("{}: array \"{}\" is {}, expected F32", path.string(), tensor.name,
                  name(tensor.dtype));
    }
    NamedArray& array = checkpoint.arrays.emplace_back(tensor.name);
    array.values.resize(tensor.elements());
    read_floats(tensor, 0, array.values);
  }
  return checkpoint;
}

Result<Json> read_checkpoint_info(const Path& path) {
  HEMIOLA_TRY(const auto file, open_checkpoint(path));
  return parse_json(file.view().metadata().at("info"), path.string());
}

}  // namespace hemiola::nn
