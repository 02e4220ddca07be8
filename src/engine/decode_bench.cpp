// engine_bench [PRESET] [RUNS] [ISA]: tokens a second in every precision with one and two threads,
// one stream and eight, and what share of the read bandwidth a single stream reaches.
#include <cstdio>
#include <cstdlib>

#include "engine/measure.h"

int main(int argc, char** argv) {
  using namespace hemiola;
  using namespace hemiola::engine;
  auto config = preset(argc > 1 ? argv[1] : "seed");
  MeasureOptions options;
  options.runs = argc > 2 ? std::atoi(argv[2]) : 5;
  options.isa = argc > 3 ? argv[3] : "";
  const auto results =
      config.and_then([&](const ModelConfig& shape) { return measure_engine(shape, options); });
  if (!results) return std::fprintf(stderr, "%s\n", results.error().message.c_str()), 1;
  for (const auto& result : *results) {
    std::printf("%-22s %10.1f %s\n", result.name.c_str(), result.value, result.unit.c_str());
  }
}
