#include "beats/tracker.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "beats/alignment.h"
#include "beats/tracker_onsets.h"
#include "beats/tracker_search.h"
#include "beats/tracker_written.h"

namespace hemiola {
namespace {

using tracker::Found;
using tracker::FoundBeat;
using tracker::Settings;

constexpr double kSilence = 5;             // seconds; the search starts anew after it
constexpr std::size_t kMostChords = 8192;  // in one search, which needs 2 KB for each
constexpr double kGuess = 0.5;             // seconds for a beat where nothing is to be seen
constexpr std::size_t kMostFilled = 4096;  // beats within one silence
constexpr double kFewBeats = 20;           // the first search's patterns weigh as much as these

double median_beat(std::span<const Found> sections) {
  std::vector<double> lengths;
  for (const Found& found : sections) {
    for (std::size_t i = 1; i < found.beats.size(); ++i) {
      lengths.push_back(found.beats[i].at - found.beats[i - 1].at);
    }
  }
  if (lengths.empty()) return kGuess;
  const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
  std::nth_element(lengths.begin(), middle, lengths.end());
  return *middle;
}

class Tracking {
 public:
  Tracking(std::vector<tracker::Note> notes, const TrackOptions& options)
      : notes_(std::move(notes)), options_(options) {}

  BeatTrack run();

 private:
  void split();
  std::vector<Found> search(const Settings& settings) const;
  Settings first_settings() const;
  Settings second_settings(const Settings& settings, std::span<const Found> first) const;
  void hint(Settings& settings) const;
  void join(std::span<const Found> sections);
  void extend();
  double confidence(std::span<const Found> sections) const;

  std::vector<tracker::Note> notes_;
  const TrackOptions& options_;
  std::vector<double> onsets_;  // of the chords
  std::vector<tracker::Evidence> evidence_;
  std::vector<std::size_t> begins_;  // of the sections, and one past the last chord
  std::vector<FoundBeat> beats_;
};

// Sections end at silences, and where a section would grow too large, at its longest late gap.
void Tracking::split() {
  begins_ = {0};
  for (std::size_t i = 1; i < onsets_.size(); ++i) {
    if (onsets_[i] - onsets_[i - 1] > kSilence) {
      begins_.push_back(i);
    } else if (i - begins_.back() == kMostChords) {
      std::size_t widest = i;
      for (std::size_t j = i - kMostChords / 4; j < i; ++j) {
        if (onsets_[j] - onsets_[j - 1] > onsets_[widest] - onsets_[widest - 1]) widest = j;
      }
      begins_.push_back(widest);
    }
  }
  begins_.push_back(onsets_.size());
}

std::vector<Found> Tracking::search(const Settings& settings) const {
  std::vector<Found> sections;
  for (std::size_t s = 0; s + 1 < begins_.size(); ++s) {
    const std::size_t count = begins_[s + 1] - begins_[s];
    sections.push_back(tracker::find_beats(std::span(onsets_).subspan(begins_[s], count),
                                           std::span(evidence_).subspan(begins_[s], count),
                                           settings));
  }
  return sections;
}

void Tracking::hint(Settings& settings) const {
  if (options_.beats_per_minute) {
    settings.tempo_centre = 60 / *options_.beats_per_minute;
    settings.tempo_spread = 0.25;
    settings.tempo_weight = 4;
  }
  if (options_.beats_per_bar) {
    settings.metres = {1e-30, 1e-30, 1e-30};
    settings.metres[static_cast<std::size_t>(*options_.beats_per_bar - 2)] = 1;
    settings.switched = 1e6;
  }
}

Settings Tracking::first_settings() const {
  Settings settings;
  hint(settings);
  return settings;
}

// The rhythms and the tempo of this piece instead of those of music in general.
Settings Tracking::second_settings(const Settings& settings, std::span<const Found> first) const {
  Settings second = settings;
  std::array<double, tracker::kPatterns> counts{};
  double total = kFewBeats;
  for (std::size_t p = 0; p < counts.size(); ++p) {
    for (const Found& found : first) counts[p] += found.patterns[p];
    total += counts[p];
  }
  for (std::size_t p = 0; p < counts.size(); ++p) {
    second.patterns[p] = (counts[p] + kFewBeats * settings.patterns[p]) / total;
  }
  second.tempo_centre = median_beat(first);
  second.tempo_spread = 0.5;
  second.tempo_weight = 0.05;
  hint(second);
  return second;
}

// Beats from section to section, on through the silences at the pace that stood before them.
void Tracking::join(std::span<const Found> sections) {
  double length = options_.beats_per_minute ? 60 / *options_.beats_per_minute : kGuess;
  for (const Found& found : sections) {
    if (found.beats.size() < 2) continue;
    length = found.beats[1].at - found.beats[0].at;
    break;
  }
  for (std::size_t s = 0; s < sections.size(); ++s) {
    std::vector<FoundBeat> here = sections[s].beats;
    if (here.empty()) {
      // Too little for a search: one beat, which goes on in the bars before it.
      const double at = onsets_[begins_[s]];
      here.push_back(
          {at, beats_.empty() ? 4 : beats_.back().beats_in_bar, 0, static_cast<int>(begins_[s])});
      if (!beats_.empty()) {
        here[0].place = (beats_.back().place + 1) % here[0].beats_in_bar;
      }
    } else {
      for (FoundBeat& beat : here) {
        if (beat.chord >= 0) beat.chord += static_cast<int>(begins_[s]);
      }
    }
    if (!beats_.empty()) {
      const FoundBeat last = beats_.back();
      const double gap = here.front().at - last.at;
      const double fitting = std::min(std::round(gap / length), double{kMostFilled});
      const int count = std::max(1, static_cast<int>(fitting));
      for (int i = 1; i < count; ++i) {
        beats_.push_back({last.at + gap * i / count, last.beats_in_bar,
                          (last.place + i) % last.beats_in_bar, -1});
      }
    }
    beats_.insert(beats_.end(), here.begin(), here.end());
    if (here.size() >= 2) length = here.back().at - here[here.size() - 2].at;
  }
}

// To whole beats before the first one that was found, and after the last, where notes sound.
void Tracking::extend() {
  constexpr double kEarly = 0.05;  // seconds that a chord may come before its beat
  if (beats_.size() < 2) {
    FoundBeat next = beats_.front();
    next.at += options_.beats_per_minute ? 60 / *options_.beats_per_minute : kGuess;
    next.place = (next.place + 1) % next.beats_in_bar;
    next.chord = -1;
    beats_.push_back(next);
  }
  std::vector<FoundBeat> earlier;
  FoundBeat beat = beats_.front();
  beat.chord = -1;
  const double opening = beats_[1].at - beats_[0].at;
  while (beat.at - opening >= onsets_.front() - kEarly) {
    beat.at -= opening;
    beat.place = (beat.place + beat.beats_in_bar - 1) % beat.beats_in_bar;
    earlier.push_back(beat);
  }
  beats_.insert(beats_.begin(), earlier.rbegin(), earlier.rend());
  beat = beats_.back();
  beat.chord = -1;
  const double closing = beats_.back().at - beats_[beats_.size() - 2].at;
  while (beat.at + closing <= onsets_.back() + kEarly) {
    beat.at += closing;
    beat.place = (beat.place + 1) % beat.beats_in_bar;
    beats_.push_back(beat);
  }
}

BeatTrack Tracking::run() {
  const std::vector<tracker::Chord> chords = tracker::find_chords(notes_);
  for (const tracker::Chord& chord : chords) onsets_.push_back(chord.at);
  evidence_ = tracker::chord_evidence(tracker::chord_features(notes_, chords));
  split();

  const Settings settings = first_settings();
  const std::vector<Found> first = search(settings);
  const std::vector<Found> sections = search(second_settings(settings, first));
  join(sections);
  extend();

  BeatTrack track;
  std::array<int, 3> metres{};
  for (const FoundBeat& beat : beats_) {
    track.beats.push_back({Seconds(beat.at), beat.place == 0});
    ++metres[static_cast<std::size_t>(beat.beats_in_bar - 2)];
  }
  const auto usual = std::max_element(metres.begin(), metres.end()) - metres.begin();
  const int beats_per_bar = static_cast<int>(usual) + 2;
  double straight = 0, thirds = 0;
  for (const Found& found : sections) {
    thirds += found.patterns[tracker::kThirds] + found.patterns[tracker::kSixths];
    for (const auto p : {tracker::kHalves, tracker::kQuarters, tracker::kEighths}) {
      straight += found.patterns[p];
    }
  }
  track.metre = thirds > straight ? Metre{3 * beats_per_bar, 8} : Metre{beats_per_bar, 4};
  track.confidence = confidence(sections);
  return track;
}

// The F-measure to be expected, as pieces with known beats had it by what can be seen of the
// search, from that of a guess (0) to nearly all right (1).
double Tracking::confidence(std::span<const Found> sections) const {
  if (onsets_.size() < 3) return 0;
  double evidence = 0, struck = 0, change = 0, score = 0, count = 0;
  for (std::size_t s = 0; s < sections.size(); ++s) {
    const std::vector<FoundBeat>& beats = sections[s].beats;
    score += sections[s].score;
    count += static_cast<double>(beats.size());
    for (std::size_t i = 0; i < beats.size(); ++i) {
      if (beats[i].chord >= 0) {
        const auto chord = begins_[s] + static_cast<std::size_t>(beats[i].chord);
        evidence += evidence_[chord][tracker::level_of(beats[i])];
        struck += 1;
      }
      if (i < 2) continue;
      const double last = beats[i - 1].at - beats[i - 2].at;
      change += std::abs(std::log2((beats[i].at - beats[i - 1].at) / last));
    }
  }
  if (count < 2) return 0;
  const double expected = 0.383 + 0.295 * evidence / count + 0.407 * struck / count -
                          1.793 * change / count +
                          0.182 * score / static_cast<double>(onsets_.size());
  constexpr double kGuessed = 0.3, kRight = 0.95;
  return std::clamp((expected - kGuessed) / (kRight - kGuessed), 0.0, 1.0);
}

}  // namespace

Result<BeatTrack> track_beats(std::span<const PlayedNote> notes, const TrackOptions& options) {
  if (const auto bpm = options.beats_per_minute; bpm && !(*bpm >= 20 && *bpm <= 400)) {
    return fail("{} beats a minute, expected 20 to 400", *bpm);
  }
  if (const auto beats = options.beats_per_bar; beats && (*beats < 2 || *beats > 4)) {
    return fail("{} beats to the bar, expected 2, 3 or 4", *beats);
  }
  std::vector<tracker::Note> played;
  played.reserve(notes.size());
  for (const PlayedNote& note : notes) {
    const double onset = note.onset.count(), duration = note.duration.count();
    if (!std::isfinite(onset)) continue;
    played.push_back({onset, std::isfinite(duration) ? std::max(0.0, duration) : 0.0, note.pitch,
                      note.velocity, note.is_drum});
  }
  if (played.empty()) return fail("no notes: no beats to find");
  std::sort(played.begin(), played.end(), [](const tracker::Note& a, const tracker::Note& b) {
    return std::tie(a.onset, a.pitch, a.velocity, a.duration, a.is_drum) <
           std::tie(b.onset, b.pitch, b.velocity, b.duration, b.is_drum);
  });
  return Tracking(std::move(played), options).run();
}

Result<BeatTrack> track_beats(const Score& score, const TrackOptions& options) {
  std::vector<PlayedNote> notes;
  notes.reserve(score.note_count());
  const TempoMap tempo(score);
  for (const Track& track : score.tracks) {
    for (const Note& note : track.notes) {
      const Seconds onset = tempo.seconds_at(note.onset);
      notes.push_back({onset, tempo.seconds_at(note.onset + note.duration) - onset, note.pitch,
                       note.velocity, track.is_drum});
    }
  }
  return track_beats(notes, options);
}

Result<std::vector<BeatTrack::Beat>> beats_of(const Score& score, Timing timing) {
  if (score.note_count() == 0) return fail("no notes: no beats to find");
  const bool written = timing == Timing::kAligned ||
                       (timing == Timing::kAuto && measure_alignment(score).is_aligned());
  if (!written) {
    HEMIOLA_TRY(BeatTrack track, track_beats(score));
    return std::move(track.beats);
  }
  HEMIOLA_TRY(const auto stated, tracker::written_beats(score));
  const TempoMap tempo(score);
  std::vector<BeatTrack::Beat> beats;
  for (const tracker::WrittenBeat& beat : stated) {
    beats.push_back({tempo.seconds_at(Tick(std::llround(beat.tick))), beat.place == 0});
  }
  return beats;
}

}  // namespace hemiola
