// A MIDI file from outside and edits from outside, parted by a zero byte after the JSON: it is
// shown, edited and shown again, or there is an error.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "compose/edit.h"
#include "midi/writer.h"
#include "worker/piece.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  if (size > 20'000) return 0;
  const auto* middle = std::find(data, data + size, 0);
  const std::string_view text(reinterpret_cast<const char*>(data),
                              static_cast<std::size_t>(middle - data));
  if (middle == data + size) return 0;
  const auto json = parse_json(text, "fuzz");
  if (!json) return 0;
  const auto edits = edits_from_json(*json);
  data::SourceOptions options;
  options.timing = Timing::kAligned;
  const auto source = data::source_from_midi({middle + 1, data + size}, options);
  if (!source) return 0;
  (void)worker::view_of(*source);
  if (!edits) return 0;
  const auto edited = edit_piece(*source, *edits);
  if (!edited) return 0;
  const auto timing = worker::timing_from_json(worker::timing_of(*source));
  if (!timing) std::abort();
  const auto again = data::source_from_midi(midi::write(edited->file), *timing);
  if (again) (void)worker::view_of(*again);
  return 0;
}
