// engine_bench [PRESET] [RUNS] [PRECISION] [ISA]: what the machine does alone, then tokens a second
// in every precision, or the one named, with one and two threads, one stream and eight, and what
// share of the read bandwidth a single stream reaches.
#include <cstdio>
#include <cstdlib>

#include "engine/measure.h"

int main(int argc, char** argv) {
  using namespace hemiola;
  using namespace hemiola::engine;
  MeasureOptions options;
  options.runs = argc > 2 ? std::atoi(argv[2]) : 5;
  if (argc > 3) options.precisions = {precision_named(argv[3]).value_or(Precision::kInt8)};
  options.isa = argc > 4 ? argv[4] : "";
  const auto report = [](const Result<std::vector<Measurement>>& results) {
    if (!results) return std::fprintf(stderr, "%s\n", results.error().message.c_str()), false;
    for (const auto& result : *results) {
      std::printf("%-22s %10.1f %s\n", result.name.c_str(), result.value, result.unit.c_str());
    }
    std::fflush(stdout);
    return true;
  };
  const auto shape = preset(argc > 1 ? argv[1] : "seed");
  const bool told =
      report(measure_machine(options.threads, options.runs, options.isa)) &&
      report(shape.and_then([&](const ModelConfig& s) { return measure_engine(s, options); }));
  return told ? 0 : 1;
}
