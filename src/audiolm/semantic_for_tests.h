// A small semantic encoder with random weights, for tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "audiolm/semantic.h"
#include "base/rng.h"

namespace hemiola::audiolm {

inline SemanticNetworkShape tiny_semantic_shape() {
  return {.width = 24, .layers = 2, .heads = 3, .hidden = 40, .reach = 5};
}

struct TinySemantic {
  SemanticNetworkShape shape;
  std::map<std::string, std::vector<float>, std::less<>> values;
  UnitCentres units;  // 10

  explicit TinySemantic(const SemanticNetworkShape& wanted = tiny_semantic_shape())
      : shape(wanted) {
    Rng rng(1);
    const auto draw = [&](std::size_t count, double scale, double shift) {
      std::vector<float> numbers;
      for (std::size_t i = 0; i < count; ++i) {
        numbers.push_back(static_cast<float>(shift + scale * (rng.uniform() - 0.5)));
      }
      return numbers;
    };
    for (const auto& [name, dimensions] : semantic_network_tensors(shape)) {
      const bool is_scale = name.ends_with("norm1.weight") || name.ends_with("norm2.weight") ||
                            name == "mel.deviation";
      values[name] = draw(element_count(dimensions), 0.5, is_scale ? 1 : 0);
    }
    for (float& mean : values["mel.mean"]) mean -= 4;
    const auto width = static_cast<std::size_t>(shape.width);
    units.features.mean = draw(width, 1, 0);
    units.features.deviation = draw(width, 0.5, 1);
    units.centres = draw(10 * width, 4, 0);
  }

  WeightMap weights() const {
    WeightMap map;
    for (const auto& [name, dimensions] : semantic_network_tensors(shape)) {
      map[name] = view_of(name, dimensions, values.find(name)->second);
    }
    return map;
  }

  Status write(const Path& path) const { return write_semantic(path, shape, weights(), units); }
};

}  // namespace hemiola::audiolm
