// Any bytes: the lenient reader gives a file whose invariants hold, or refuses; what it gives is
// written and read again with nothing lost and nothing to mend; strict reading accepts exactly what
// needs no repair.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "midi/reader.h"
#include "midi/writer.h"

namespace {

using namespace hemiola;
using namespace hemiola::midi;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_end(const Event& event) {
  return event.kind == EventKind::kMeta && event.data1 == meta::kEndOfTrack;
}

void check_invariants(const File& file, std::size_t input) {
  require(file.format >= 0 && file.format <= 2);
  require(file.division.is_smpte() ? file.division.ticks_per_frame > 0
                                   : file.division.ticks_per_quarter > 0);
  require(file.payload.size() <= input);
  std::size_t events = 0;
  for (const Track& track : file.tracks) {
    events += track.events.size();
    require(!track.events.empty() && is_end(track.events.back()));
    Tick now{0};
    for (const Event& event : track.events) {
      require(event.at >= now);
      now = event.at;
      require(!is_end(event) || &event == &track.events.back());
      require(event.channel < 16);
      require(event.kind == EventKind::kMeta || (event.data1 | event.data2) < 0x80);
      require(event.payload_begin + std::uint64_t{event.payload_size} <= file.payload.size());
    }
  }
  require(events <= input / 2 + file.tracks.size());
  require(file.repairs.size() <= file.repair_count());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes(data, size);
  const auto strict = read(bytes, {.strict = true, .limits = {}});
  const auto file = read(bytes);
  require(strict.has_value() == (file.has_value() && file->repair_count() == 0));
  if (!file) return 0;
  check_invariants(*file, size);
  if (strict) require(same_content(*file, *strict));

  for (const bool running_status : {true, false}) {
    const Bytes written = write(*file, {.running_status = running_status});
    const auto again = read(written);
    require(again.has_value());
    require(same_content(*file, *again));
    // What is out of range but kept stays so; nothing else is left to mend.
    for (std::size_t kind = 0; kind < kRepairKinds; ++kind) {
      const bool kept = kind == static_cast<std::size_t>(RepairKind::kMetaValue) ||
                        kind == static_cast<std::size_t>(RepairKind::kHeader);
      require(kept || again->repair_counts[kind] == 0);
    }
  }
  return 0;
}
