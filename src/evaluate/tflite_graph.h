// Runs a TensorFlow Lite graph in float. Weights in int8 are expanded once; a tensor that the graph
// keeps in int8 is a float tensor snapped to its grid after each operator, which is what the
// integer arithmetic gives, but for a number that falls between two: one step at the most.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "evaluate/layers.h"
#include "evaluate/tflite_file.h"

namespace hemiola::evaluate {

class TfliteGraph {
 public:
  // Refuses operators that it does not know, and shapes that do not fit.
  static Result<TfliteGraph> open(const Path& path);
  static Result<TfliteGraph> load(std::span<const std::uint8_t> bytes, std::string_view where);

  // A graph's variables from one run to the next; each begins as zeros.
  using State = std::map<std::string, std::vector<float>>;

  const TfliteFile& file() const { return file_; }
  // The values of `tensor` for this input, whose size must be the graph's. Operators after the one
  // that gives it are not run.
  std::vector<float> run(std::span<const float> input, int tensor, State& state) const;

  // The tensor that the last operator of a kind reads first.
  std::optional<int> input_of_last(TfliteOp op) const;

 private:
  struct Step {
    std::vector<Linear> groups;         // convolutions and full connections
    std::vector<float> filters, bias;   // depthwise convolutions
    Window window{};                    //
    std::vector<int> begin{}, sizes{};  // slices
  };
  using Values = std::vector<std::vector<float>>;
  // What the operators up to one have given and taken.
  struct Progress {
    std::vector<bool> given;  // tensors that are there by then
    std::size_t weights = 0;  // numbers, of all layers
  };

  TfliteGraph() = default;
  Status prepare(std::size_t index, std::string_view where, Progress& progress);
  Status prepare_filters(const TfliteOperator& op, Step& step, std::string_view where) const;
  void run_operator(const TfliteOperator& op, const Step& step, Values& values, State& state) const;
  void finish(const TfliteOperator& op, std::vector<float>& values) const;
  FeatureMap map_of(int tensor, const Values& values) const;
  const std::string& variable_of(int handle) const;

  Bytes bytes_;  // what the constants point into
  TfliteFile file_;
  std::vector<Step> steps_;               // of each operator
  std::map<int, std::string> variables_;  // by handle
};

}  // namespace hemiola::evaluate
