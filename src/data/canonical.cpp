#include "data/canonical.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/rng.h"

namespace hemiola::data {
namespace {

struct Placed {
  std::int32_t onset;
  std::uint8_t pitch;
  auto operator<=>(const Placed&) const = default;
};

// All notes that count, by onset and pitch, without doubles.
std::vector<Placed> merged_notes(const GridScore& score) {
  std::vector<Placed> notes;
  notes.reserve(score.note_count());
  const auto gather = [&](bool drums) {
    for (const GridTrack& track : score.tracks) {
      if (track.is_drum != drums) continue;
      for (const GridNote& note : track.notes) notes.push_back({note.onset.count(), note.pitch});
    }
  };
  gather(false);
  if (notes.empty()) gather(true);
  std::sort(notes.begin(), notes.end());
  notes.erase(std::unique(notes.begin(), notes.end()), notes.end());
  return notes;
}

// Calls each(note, bar) in order.
template <class Each>
void for_each_note_in_bar(const GridScore& score, Each each) {
  const std::vector<GridTick> starts = score.bar_starts();
  std::size_t bar = 0;
  for (const Placed& note : merged_notes(score)) {
    while (bar + 1 < score.bars.size() && note.onset >= starts[bar + 1].count()) ++bar;
    each(note, bar, starts[bar].count());
  }
}

}  // namespace

std::vector<CanonicalNote> canonical_notes(const GridScore& score) {
  const std::vector<Placed> notes = merged_notes(score);
  std::vector<CanonicalNote> canonical;
  canonical.reserve(notes.size());
  for (const Placed& note : notes) {
    canonical.push_back({GridTick(note.onset - notes.front().onset),
                         static_cast<std::int16_t>(note.pitch - notes.front().pitch)});
  }
  return canonical;
}

Sha256Digest canonical_hash(const std::vector<CanonicalNote>& notes) {
  std::string text;
  text.reserve(notes.size() * 8);
  for (const CanonicalNote& note : notes) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", note.onset.count(), note.pitch);
  }
  return Sha256().update(text).finish();
}

std::vector<std::uint16_t> note_steps(const std::vector<CanonicalNote>& notes) {
  std::vector<std::uint16_t> steps;
  if (notes.empty()) return steps;
  steps.reserve(notes.size() - 1);
  for (std::size_t i = 0; i + 1 < notes.size(); ++i) {
    const int time = std::min((notes[i + 1].onset - notes[i].onset).count(), 255);
    const int interval = notes[i + 1].pitch - notes[i].pitch;
    steps.push_back(static_cast<std::uint16_t>(256 * time + interval + 128));
  }
  return steps;
}

std::vector<std::uint64_t> bar_hashes(const GridScore& score) {
  std::vector<std::uint64_t> hashes(score.bars.size(), 0);
  int first_pitch = 0;
  for_each_note_in_bar(score, [&](const Placed& note, std::size_t bar, std::int32_t start) {
    std::uint64_t& hash = hashes[bar];
    if (hash == 0) first_pitch = note.pitch;
    const auto onset = static_cast<std::uint64_t>(note.onset - start);
    const auto pitch = static_cast<std::uint64_t>(note.pitch - first_pitch + 128);
    hash = mix64(hash ^ (onset << 8 | pitch));
    if (hash == 0) hash = 1;
  });
  return hashes;
}

std::vector<std::uint32_t> bars_of_notes(const GridScore& score) {
  std::vector<std::uint32_t> bars;
  for_each_note_in_bar(score, [&](const Placed&, std::size_t bar, std::int32_t) {
    bars.push_back(static_cast<std::uint32_t>(bar));
  });
  return bars;
}

}  // namespace hemiola::data
