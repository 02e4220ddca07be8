#include "audio/note_events.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace hemiola {
namespace {

constexpr std::size_t kKeys = kPitchKeys;
constexpr int kBendReach = 25;     // bins to each side in which the pitch is looked for
constexpr double kBendSpread = 5;  // bins: the nearer to the note, the likelier
constexpr std::size_t kWindowFrames = 172;
constexpr double kWindowHops = (2.0 * kPitchRate - kPitchHop) / kPitchHop;

// Activations by frame and key, within the keys that are wanted.
class Grid {
 public:
  Grid(const std::vector<float>& values, const NoteOptions& options) : values_(values) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const int pitch = kPitchLowest + static_cast<int>(i % kKeys);
      if (pitch < options.lowest || pitch > options.highest) values_[i] = 0;
    }
  }

  float& at(std::size_t frame, std::size_t key) { return values_[frame * kKeys + key]; }
  float at(std::size_t frame, std::size_t key) const { return values_[frame * kKeys + key]; }
  float largest() const {
    return values_.empty() ? 0.0f : *std::max_element(values_.begin(), values_.end());
  }
  std::vector<float>& values() { return values_; }

 private:
  std::vector<float> values_;
};

// Where energy rises over one and over two frames, there an onset is too; scaled so that the
// sharpest rise is as sure as the surest onset.
void infer_onsets(const Grid& notes, std::size_t frames, Grid& onsets) {
  constexpr std::size_t kReach = 2;
  std::vector<float> rises(frames * kKeys);
  float most = 0;
  for (std::size_t frame = kReach; frame < frames; ++frame) {
    for (std::size_t key = 0; key < kKeys; ++key) {
      const float now = notes.at(frame, key);
      const float rise = std::min(now - notes.at(frame - 1, key), now - notes.at(frame - 2, key));
      rises[frame * kKeys + key] = std::max(rise, 0.0f);
      most = std::max(most, rise);
    }
  }
  if (most <= 0) return;
  const float surest = onsets.largest();
  for (std::size_t i = 0; i < rises.size(); ++i) {
    onsets.values()[i] = std::max(onsets.values()[i], surest * rises[i] / most);
  }
}

class Search {
 public:
  Search(const PitchActivations& activations, const NoteOptions& options)
      : options_(options),
        frames_(activations.frames),
        shortest_(static_cast<std::size_t>(
            std::lround(options.shortest.count() * kPitchRate / kPitchHop))),
        notes_(activations.note, options),
        onsets_(activations.onset, options),
        energy_(notes_) {}

  std::vector<NoteEvent> run() {
    if (frames_ == 0) return {};
    if (options_.infer_onsets) infer_onsets(notes_, frames_, onsets_);
    from_onsets();
    if (options_.trailing) from_energy();
    return std::move(found_);
  }

 private:
  bool is_peak(std::size_t frame, std::size_t key) const {
    const float here = onsets_.at(frame, key);
    return here >= options_.onset_threshold && frame > 0 && here > onsets_.at(frame - 1, key) &&
           here > onsets_.at(frame + 1, key);
  }

  void clear(std::size_t frame, std::size_t key) {
    energy_.at(frame, key) = 0;
    if (key + 1 < kKeys) energy_.at(frame, key + 1) = 0;
    if (key > 0) energy_.at(frame, key - 1) = 0;
  }

  void add(std::size_t begin, std::size_t end, std::size_t key) {
    double sum = 0;
    for (std::size_t frame = begin; frame < end; ++frame) sum += notes_.at(frame, key);
    found_.push_back({begin, end, kPitchLowest + static_cast<int>(key),
                      static_cast<float>(sum / static_cast<double>(end - begin))});
  }

  // Each onset lasts until its energy has been low for a while. Late ones first: an early note does
  // not swallow the energy of the ones after it.
  void from_onsets() {
    for (std::size_t frame = frames_ - 1; frame-- > 0;) {
      for (std::size_t key = kKeys; key-- > 0;) {
        if (!is_peak(frame, key)) continue;
        std::size_t end = frame + 1;
        int low = 0;
        for (; end + 1 < frames_ && low < options_.energy_tolerance; ++end) {
          low = energy_.at(end, key) < options_.frame_threshold ? low + 1 : 0;
        }
        end -= static_cast<std::size_t>(low);
        if (end <= frame + shortest_) continue;
        for (std::size_t i = frame; i < end; ++i) clear(i, key);
        add(frame, end, key);
      }
    }
  }

  // What is left over: from the strongest place on, a note to both sides. Energy only ever falls to
  // zero, so the order can be settled beforehand.
  void from_energy() {
    std::vector<std::uint32_t> places;
    for (std::size_t i = 0; i < energy_.values().size(); ++i) {
      if (energy_.values()[i] > options_.frame_threshold)
        places.push_back(static_cast<std::uint32_t>(i));
    }
    std::stable_sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
      return energy_.values()[a] > energy_.values()[b];
    });
    const auto last = static_cast<std::ptrdiff_t>(frames_) - 1;
    for (const std::uint32_t place : places) {
      const std::size_t key = place % kKeys;
      const auto middle = static_cast<std::ptrdiff_t>(place / kKeys);
      if (energy_.values()[place] <= options_.frame_threshold) continue;
      energy_.values()[place] = 0;
      const auto reach = [&](std::ptrdiff_t step, std::ptrdiff_t stop) {
        std::ptrdiff_t i = middle + step;
        std::ptrdiff_t low = 0;
        for (; (stop - i) * step > 0 && low < options_.energy_tolerance; i += step) {
          const auto frame = static_cast<std::size_t>(i);
          low = energy_.at(frame, key) < options_.frame_threshold ? low + 1 : 0;
          clear(frame, key);
        }
        return i - step * (low + 1);
      };
      const std::ptrdiff_t end = reach(1, last), begin = reach(-1, 0);
      if (end - begin <= static_cast<std::ptrdiff_t>(shortest_)) continue;
      add(static_cast<std::size_t>(begin), static_cast<std::size_t>(end), key);
    }
  }

  const NoteOptions& options_;
  std::size_t frames_;
  std::size_t shortest_;  // frames
  Grid notes_, onsets_;
  Grid energy_;  // of notes_, what no note has taken yet
  std::vector<NoteEvent> found_;
};

}  // namespace

Seconds frame_time(std::size_t frame) {
  constexpr double kHop = static_cast<double>(kPitchHop) / kPitchRate;
  constexpr double kShift = kHop * (kWindowFrames - kWindowHops) + 0.0018;
  return Seconds(static_cast<double>(frame) * kHop -
                 kShift * static_cast<double>(frame / kWindowFrames));
}

std::vector<NoteEvent> find_notes(const PitchActivations& activations, const NoteOptions& options) {
  return Search(activations, options).run();
}

std::vector<int> bends_of(const PitchActivations& activations, const NoteEvent& note) {
  const int centre = (note.pitch - kPitchLowest) * kBinsPerKey;
  const int first = std::max(centre - kBendReach, 0);
  const int last = std::min(centre + kBendReach, kContourBins - 1);
  std::vector<int> bends;
  bends.reserve(note.end - note.begin);
  for (std::size_t frame = note.begin; frame < note.end; ++frame) {
    const float* row = activations.contour.data() + frame * kContourBins;
    int best = first;
    double most = -1;
    for (int bin = first; bin <= last; ++bin) {
      const double off = (bin - centre) / kBendSpread;
      const double weight = row[bin] * std::exp(-0.5 * off * off);
      if (weight > most) most = weight, best = bin;
    }
    bends.push_back(best - centre);
  }
  return bends;
}

}  // namespace hemiola
