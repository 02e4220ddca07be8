#include "tokens/occupancy.h"

#include <algorithm>

namespace hemiola::tokens {
namespace {

constexpr int kAnyRoom = kMaxDuration.count();

int count_sounding(std::span<const Sound> sounds, int tick) {
  int count = 0;
  for (const Sound& sound : sounds) {
    if (sound.begin <= tick && tick < sound.end) ++count;
  }
  return count;
}

bool sounds_after(std::span<const Sound> sounds, int pitch, int tick) {
  for (const Sound& sound : sounds) {
    if (sound.pitch == pitch && sound.end > tick) return true;
  }
  return false;
}

// The first of the standing notes, by begin, that can matter at `tick`: none lasts longer than
// kMaxDuration.
std::span<const Sound> from_tick(const std::vector<Sound>& standing, int tick) {
  const auto first =
      std::partition_point(standing.begin(), standing.end(),
                           [&](const Sound& sound) { return sound.begin <= tick - kAnyRoom; });
  return {first, standing.end()};
}

}  // namespace

void Occupancy::add(int track, Sound sound) {
  auto& written = at(track).written;
  std::erase_if(written, [&](const Sound& old) { return old.end <= sound.begin; });
  written.push_back(sound);
}

void Occupancy::forget_written() {
  for (TrackState& state : tracks_) state.written.clear();
}

void Occupancy::add_standing(int track, std::span<const Sound> sounds) {
  TrackState& state = at(track);
  state.standing.insert(state.standing.end(), sounds.begin(), sounds.end());
  std::stable_sort(state.standing.begin(), state.standing.end(),
                   [](const Sound& a, const Sound& b) { return a.begin < b.begin; });
  for (const Sound& sound : sounds) state.standing_pitches.insert(sound.pitch);
  state.standing_count.clear();
  for (const Sound& sound : state.standing) {
    state.standing_count.push_back(
        count_sounding(from_tick(state.standing, sound.begin), sound.begin));
  }
}

int Occupancy::polyphony_room(const TrackState& state, int tick, std::span<const Sound> also) {
  if (state.polyphony == 0) return kAnyRoom;
  const auto standing = from_tick(state.standing, tick);
  const auto count = [&](int at) {
    return count_sounding(state.written, at) + count_sounding(also, at);
  };
  if (count(tick) + count_sounding(standing, tick) >= state.polyphony) return 0;
  const std::size_t skipped = state.standing.size() - standing.size();
  for (std::size_t i = skipped; i < state.standing.size(); ++i) {
    const int begin = state.standing[i].begin;
    if (begin >= tick + kAnyRoom) break;
    if (begin > tick && count(begin) + state.standing_count[i] >= state.polyphony) {
      return begin - tick;
    }
  }
  return kAnyRoom;
}

int Occupancy::standing_room(const TrackState& state, int pitch, int tick) {
  if (!state.standing_pitches.has(pitch)) return kAnyRoom;
  for (const Sound& sound : from_tick(state.standing, tick)) {
    if (sound.begin >= tick + kAnyRoom) break;
    if (sound.pitch != pitch || sound.end <= tick) continue;
    return std::max(0, sound.begin - tick);
  }
  return kAnyRoom;
}

int Occupancy::room(int track, int pitch, int tick, std::span<const Sound> also) const {
  const TrackState& state = at(track);
  if (sounds_after(state.written, pitch, tick) || sounds_after(also, pitch, tick)) return 0;
  const int room = standing_room(state, pitch, tick);
  return room == 0 ? 0 : std::min(room, polyphony_room(state, tick, also));
}

int Occupancy::longest_room(int track, PitchSet among, int tick,
                            std::span<const Sound> also) const {
  const TrackState& state = at(track);
  PitchSet busy;
  for (const Sound& sound : state.written) {
    if (sound.end > tick) busy.insert(sound.pitch);
  }
  for (const Sound& sound : also) {
    if (sound.end > tick) busy.insert(sound.pitch);
  }
  const PitchSet free = among - busy;
  if (free.empty()) return 0;
  const int limit = polyphony_room(state, tick, also);
  if (limit == 0 || !(free - state.standing_pitches).empty()) return limit;
  int longest = 0;
  free.for_each([&](int pitch) {
    if (longest < kAnyRoom) longest = std::max(longest, standing_room(state, pitch, tick));
  });
  return std::min(limit, longest);
}

PitchSet Occupancy::written_after(int track, int tick) const {
  PitchSet pitches;
  for (const Sound& sound : at(track).written) {
    if (sound.end > tick) pitches.insert(sound.pitch);
  }
  return pitches;
}

int Occupancy::written_count_after(int track, int tick) const {
  return static_cast<int>(std::ranges::count_if(
      at(track).written, [&](const Sound& sound) { return sound.end > tick; }));
}

PitchSet Occupancy::standing_within(int track, int from, int to) const {
  PitchSet pitches;
  for (const Sound& sound : from_tick(at(track).standing, from)) {
    if (sound.begin >= to) break;
    if (sound.end > from) pitches.insert(sound.pitch);
  }
  return pitches;
}

}  // namespace hemiola::tokens
