// Any bytes as a TensorFlow Lite model: refused, or a graph that runs and gives what it declares.
#include <cstdint>
#include <cstdlib>

#include "evaluate/tflite_graph.h"

namespace {

// Larger graphs than these are only read: the fuzzer's time is for the reader.
constexpr std::size_t kRunLimit = 10'000;  // numbers of all tensors

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola::evaluate;
  const auto graph = TfliteGraph::load({data, size}, "fuzz");
  if (!graph) {
    if (graph.error().message.empty()) std::abort();
    return 0;
  }
  const TfliteFile& file = graph->file();
  std::size_t elements = 0;
  for (const TfliteTensor& tensor : file.tensors) elements += tensor.elements();
  if (elements > kRunLimit) return 0;
  const auto size_of = [&](int tensor) {
    return file.tensors[static_cast<std::size_t>(tensor)].elements();
  };
  const std::vector<float> input(size_of(file.inputs[0]), 0.5f);
  TfliteGraph::State state;
  for (int round = 0; round < 2; ++round) {
    const auto output = graph->run(input, file.outputs[0], state);
    if (output.size() != size_of(file.outputs[0])) std::abort();
  }
  return 0;
}
