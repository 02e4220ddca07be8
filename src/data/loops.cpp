#include "data/loops.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/hash.h"
#include "base/rng.h"
#include "data/loop_styles.h"

namespace hemiola::data {
namespace {

constexpr int kBars = 4;
constexpr int kStep = 6;  // grid ticks of a sixteenth

// A chord of the key by its degree (0 to 6): all its notes are the key's, but for the major
// dominant of a minor key.
struct Harmony {
  int degree = 0;
  Chord chord;
  std::vector<int> tones;  // semitones above the tonic: root, third, fifth and perhaps seventh
  std::vector<int> scale;  // the key's scale where it sounds
};

constexpr std::array<int, 7> kMajor = {0, 2, 4, 5, 7, 9, 11};
constexpr std::array<int, 7> kMinor = {0, 2, 3, 5, 7, 8, 10};
// How likely a degree follows another; rows: from I, ii, iii, IV, V, vi, vii.
using Chain = std::array<std::array<double, 7>, 7>;
constexpr Chain kMajorChain = {{{0.5, 2, 1, 4, 4, 3, 0},
                                {1, 0, 0.5, 1, 6, 0.5, 0},
                                {0, 1, 0, 3, 0.5, 4, 0},
                                {3, 1.5, 0.5, 0, 4, 1, 0},
                                {5, 0.3, 0.5, 2, 0, 3, 0},
                                {0.5, 3, 0.7, 4, 2, 0, 0},
                                {1, 0, 0, 0, 0, 0, 0}}};
constexpr Chain kMinorChain = {{{0.5, 0.5, 1.5, 3, 2.5, 4, 3},
                                {1, 0, 0, 0, 4, 0, 0},
                                {0.5, 0, 0, 2, 0.5, 3, 2},
                                {3, 0.5, 0.5, 0, 3, 1, 2},
                                {5, 0, 0.5, 1, 0, 2, 0},
                                {1, 0.5, 2, 2, 1.5, 0, 4},
                                {4, 0, 2, 0.5, 0.5, 2, 0}}};

ChordQuality quality_of(const std::vector<int>& tones) {
  const int third = tones[1] - tones[0], fifth = tones[2] - tones[0];
  const int seventh = tones.size() > 3 ? tones[3] - tones[0] : 0;
  if (third == 4) {
    if (fifth == 8) return ChordQuality::kAugmented;
    return seventh == 11   ? ChordQuality::kMajor7
           : seventh == 10 ? ChordQuality::kDominant7
                           : ChordQuality::kMajor;
  }
  if (fifth == 6) return seventh == 10 ? ChordQuality::kHalfDiminished : ChordQuality::kDiminished;
  return seventh != 0 ? ChordQuality::kMinor7 : ChordQuality::kMinor;
}

Harmony harmony_of(const Key& key, int degree, bool seventh) {
  Harmony harmony;
  harmony.degree = degree;
  const auto& scale = key.minor ? kMinor : kMajor;
  harmony.scale.assign(scale.begin(), scale.end());
  if (key.minor && degree == 4) harmony.scale[6] = 11;  // the leading note
  for (int third = 0; third < (seventh ? 4 : 3); ++third) {
    const int step = degree + 2 * third;
    harmony.tones.push_back(harmony.scale[static_cast<std::size_t>(step % 7)] + 12 * (step / 7));
  }
  harmony.chord = {.root = static_cast<std::uint8_t>((key.tonic() + harmony.tones[0]) % 12),
                   .quality = quality_of(harmony.tones)};
  return harmony;
}

std::string degree_text(const Harmony& harmony) {
  static constexpr std::array<std::string_view, 7> kUpper = {"I", "II", "III", "IV",
                                                             "V", "VI", "VII"};
  std::string text(kUpper[static_cast<std::size_t>(harmony.degree)]);
  if (harmony.tones[1] - harmony.tones[0] == 3) {
    for (char& c : text) c = static_cast<char>(c + 32);
  }
  if (harmony.tones[2] - harmony.tones[0] == 6) text += "o";
  if (harmony.tones.size() > 3) text += "7";
  return text;
}

template <class T>
const T& pick(const std::vector<T>& items, Rng& rng) {
  return items[rng.below(items.size())];
}

class LoopMaker {
 public:
  explicit LoopMaker(std::uint64_t seed) : rng_(mix64(seed) ^ 0x6c6f6f70) {}

  Loop make() {
    style_ = &pick(loop_styles(), rng_);
    LoopLabels& labels = loop_.labels;
    labels.style = style_->name;
    labels.metre = {.numerator = style_->numerator, .denominator = style_->denominator};
    labels.key.minor = rng_.chance(style_->minor_preferred ? 0.75 : 0.3);
    // Keys with up to six accidentals; those with few are likelier.
    static constexpr std::array<double, 12> kKeys = {3, 4, 4, 5, 6, 6, 6, 6, 5, 4, 3, 2};
    labels.key.fifths = static_cast<int>(rng_.weighted(kKeys)) - 6;
    labels.tempo = pick(style_->tempos, rng_);
    labels.swing = rng_.chance(style_->swing);
    steps_ = bar_length(labels.metre).count() / kStep;
    draw_chords();
    for (int bar = 0; bar < kBars; ++bar) {
      loop_.score.bars.push_back(
          {.metre = labels.metre,
           .key = labels.key,
           .tempo_class = static_cast<std::uint8_t>(nearest_tempo_class(labels.tempo)),
           .chord = at(bar, 0).chord});
      if (&at(bar, 0) != &at(bar, steps_ - 1)) {
        loop_.score.bars.back().chord_at_middle = at(bar, steps_ - 1).chord;
      }
    }
    add_parts();
    const std::string both = labels.progression + "|" + labels.drum_pattern;
    const Sha256Digest hash = Sha256().update(both).finish();
    const int place = hash[0] * 256 + hash[1];
    labels.split = place < 65536 * 90 / 100   ? "train"
                   : place < 65536 * 95 / 100 ? "validation"
                                              : "test";
    return std::move(loop_);
  }

 private:
  const Harmony& at(int bar, int step) const {
    const auto& halves = harmonies_[static_cast<std::size_t>(bar)];
    return halves[step * 2 >= steps_ && halves.size() > 1 ? 1 : 0];
  }

  void draw_chords() {
    const Key& key = loop_.labels.key;
    const bool sevenths = rng_.chance(style_->sevenths);
    const Chain& chain = key.minor ? kMinorChain : kMajorChain;
    std::vector<int> degrees = {rng_.chance(0.8) ? 0 : std::array{5, 3, 1}[rng_.below(3)]};
    const auto next = [&](int from) {
      return static_cast<int>(rng_.weighted(chain[static_cast<std::size_t>(from)]));
    };
    while (degrees.size() < kBars) degrees.push_back(next(degrees.back()));
    if (rng_.chance(style_->vamp)) {
      if (degrees[1] == degrees[0]) degrees[1] = (degrees[0] + 3) % 7;
      degrees[2] = degrees[0];
      if (rng_.chance(0.6)) degrees[3] = degrees[1];
    }
    for (const int degree : degrees) harmonies_.push_back({harmony_of(key, degree, sevenths)});
    // The last bar turns round to the first: by the dominant, or by ii and V.
    const bool halves = steps_ % 2 == 0 && loop_.labels.metre.numerator % 2 == 0;
    if (degrees[0] == 0 && degrees[3] == 0 && rng_.chance(0.7)) {
      harmonies_[3] = {harmony_of(key, 4, sevenths)};
    } else if (halves && rng_.chance(0.2)) {
      harmonies_[3] = {harmony_of(key, degrees[3] == 4 ? 1 : degrees[3], sevenths),
                       harmony_of(key, 4, sevenths)};
      if (harmonies_[3][0].degree == 4) harmonies_[3].pop_back();
    }
    std::string& text = loop_.labels.progression;
    for (const auto& bar : harmonies_) {
      std::string chords;
      if (!text.empty()) text += " ";
      for (const Harmony& harmony : bar) {
        text += (chords.empty() ? "" : "-") + degree_text(harmony);
        chords += (chords.empty() ? "" : " ") + chord_text(harmony.chord, key);
      }
      loop_.labels.chords.push_back(chords);
    }
  }

  void add_parts() {
    bool drums = rng_.chance(style_->drums_chance), bass = rng_.chance(style_->bass_chance);
    bool comping = rng_.chance(style_->comping_chance), pad = rng_.chance(style_->pad_chance);
    bool melody = rng_.chance(style_->melody_chance);
    if (!comping && !pad && !melody) comping = true;
    if (!drums && !bass && (comping ? 1 : 0) + (pad ? 1 : 0) + (melody ? 1 : 0) < 2) bass = true;
    if (drums) add_drums();
    if (bass) add_bass();
    if (comping) add_comping();
    if (pad) add_pad();
    if (melody) add_melody();
  }

  GridTrack& add_track(Role role, int program) {
    loop_.labels.roles.push_back(role);
    GridTrack& track = loop_.score.tracks.emplace_back();
    track.is_drum = role == Role::kDrums;
    if (!track.is_drum) track.program = static_cast<std::uint8_t>(program);
    return track;
  }

  // Where a step sounds: swung ones are late.
  int tick_of(int bar, int step) const {
    int tick = step * kStep;
    if (loop_.labels.swing) {
      if (style_->swing_eighths) {
        if (step % 4 == 2) tick += 4;  // a triplet's third part
        if (step % 4 == 3) tick += 2;
      } else if (step % 2 == 1) {
        tick += 2;
      }
    }
    return bar * steps_ * kStep + tick;
  }

  static std::uint8_t loudness(int digit) {
    return static_cast<std::uint8_t>(std::clamp(digit + 4, 1, kVelocityClasses - 1));
  }

  void add(GridTrack& track, int bar, int step, int last_step, int pitch, int velocity) {
    const int begin = tick_of(bar, step);
    const int end = last_step >= steps_ ? (bar + 1) * steps_ * kStep : tick_of(bar, last_step);
    if (pitch < 0 || pitch > 127) return;
    track.notes.push_back({.onset = GridTick(begin),
                           .duration = GridTick(std::max(1, end - begin)),
                           .pitch = static_cast<std::uint8_t>(pitch),
                           .velocity_class = static_cast<std::uint8_t>(velocity)});
  }

  // Sorts, and cuts what the grid score does not allow.
  static void tidy(GridTrack& track) {
    auto& notes = track.notes;
    std::sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
      return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
    });
    notes.erase(std::unique(notes.begin(), notes.end(),
                            [](const GridNote& a, const GridNote& b) {
                              return a.onset == b.onset && a.pitch == b.pitch;
                            }),
                notes.end());
    std::array<GridTick, 128> next;
    next.fill(GridTick(1 << 20));
    for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
      note->duration = std::min(note->duration, next[note->pitch] - note->onset);
      next[note->pitch] = note->onset;
    }
  }

  void add_drums() {
    const std::size_t number = rng_.below(style_->drums.size());
    const DrumPattern& pattern = style_->drums[number];
    loop_.labels.drum_pattern = fmt::format("{}-{}", style_->name, number + 1);
    GridTrack& track = add_track(Role::kDrums, 0);
    const bool fill = rng_.chance(0.5);
    const int fill_from = steps_ - (rng_.chance(0.5) ? 4 : steps_ / 2);
    const bool crash = rng_.chance(0.35);
    // Some hits of the pattern are moved for the whole loop, and some ghosts come and go.
    const std::uint64_t own = rng_.next();
    const auto line = [&](std::string_view steps, int key, bool ornaments) {
      for (int bar = 0; bar < kBars; ++bar) {
        for (int step = 0; step < steps_ && step < static_cast<int>(steps.size()); ++step) {
          if (fill && bar == kBars - 1 && step >= fill_from && key != 36) continue;
          const char c = steps[static_cast<std::size_t>(step)];
          int digit = c == '.' ? 0 : c - '0';
          if (digit == 0 && ornaments && step % 4 != 0 &&
              mix64(own ^ static_cast<std::uint64_t>(key * 64 + step)) % 16 == 0) {
            digit = 4;
          }
          if (digit == 0) continue;
          add(track, bar, step, step + 1, key, loudness(digit + rng_.between(-1, 0)));
        }
      }
    };
    line(pattern.kick, 36, true);
    line(pattern.snare, 38, false);
    line(pattern.hat, 42, true);
    line(pattern.open_hat, 46, false);
    if (pattern.extra_key != 0) line(pattern.extra, pattern.extra_key, false);
    if (fill) {
      static constexpr std::array<int, 4> kFallingToms = {50, 47, 45, 41};
      for (int step = fill_from; step < steps_; ++step) {
        if (!rng_.chance(step % 2 == 0 ? 0.9 : 0.55)) continue;
        const int part = (step - fill_from) * 4 / (steps_ - fill_from);
        const int key = rng_.chance(0.35) ? 38 : kFallingToms[static_cast<std::size_t>(part)];
        add(track, kBars - 1, step, step + 1, key, loudness(6 + rng_.between(0, 3)));
      }
    }
    if (crash) add(track, 0, 0, 4, 49, loudness(8));
    tidy(track);
  }

  // The pitch of a bass letter over a harmony.
  int bass_pitch(char letter, const Harmony& harmony, const Harmony& next) const {
    const int root = low_ + (harmony.chord.root - low_ % 12 + 12) % 12;
    switch (letter) {
      case '5':
        return root + harmony.tones[2] - harmony.tones[0];
      case '3':
        return root + harmony.tones[1] - harmony.tones[0];
      case '7':
        return root + 10 + (harmony.tones.size() > 3 && harmony.tones[3] - harmony.tones[0] == 11);
      case '8':
        return root + 12;
      case 'a': {
        const int target = low_ + (next.chord.root - low_ % 12 + 12) % 12;
        return target == root ? root + harmony.tones[2] - harmony.tones[0]
                              : target + (target < root ? 1 : -1);
      }
      default:
        return root;
    }
  }

  void add_bass() {
    GridTrack& track = add_track(Role::kBass, pick(style_->bass_programs, rng_));
    const std::string_view main = pick(style_->bass, rng_);
    const std::string_view other = rng_.chance(0.5) ? main : pick(style_->bass, rng_);
    low_ = 28 + static_cast<int>(rng_.below(6));
    for (int bar = 0; bar < kBars; ++bar) {
      const std::string_view pattern = bar % 2 == 0 ? main : other;
      for (int step = 0; step < steps_; ++step) {
        const char c = pattern[static_cast<std::size_t>(step)];
        if (c == '.' || c == '-') continue;
        const int last = end_of(pattern, step);
        const Harmony& here = at(bar, step);
        const Harmony& next = last < steps_ ? at(bar, last) : at((bar + 1) % kBars, 0);
        add(track, bar, step, last, bass_pitch(c, here, next), loudness(step % 4 == 0 ? 7 : 6));
      }
    }
    tidy(track);
  }

  static int end_of(std::string_view pattern, int step) {
    int last = step + 1;
    while (last < static_cast<int>(pattern.size()) &&
           pattern[static_cast<std::size_t>(last)] == '-') {
      ++last;
    }
    return last;
  }

  // The inversion whose notes lie nearest to those before, in the middle of the keyboard.
  std::vector<int> voicing(const Harmony& harmony, const std::vector<int>& before,
                           int centre) const {
    std::vector<int> best;
    int best_cost = 1 << 20;
    const int tonic = loop_.labels.key.tonic();
    for (std::size_t inversion = 0; inversion < harmony.tones.size(); ++inversion) {
      std::vector<int> notes;
      for (std::size_t i = 0; i < harmony.tones.size(); ++i) {
        const std::size_t tone = (inversion + i) % harmony.tones.size();
        int pitch = (tonic + harmony.tones[tone]) % 12;
        while (!notes.empty() && pitch <= notes.back()) pitch += 12;
        notes.push_back(pitch);
      }
      for (int octave = 36; octave <= 84; octave += 12) {
        int cost = 0;
        for (std::size_t i = 0; i < notes.size(); ++i) {
          const int pitch = notes[i] + octave;
          cost += 2 * std::abs(pitch - centre) / 3;
          if (i < before.size()) cost += 2 * std::abs(pitch - before[i]);
        }
        if (cost < best_cost) {
          best_cost = cost;
          best = notes;
          for (int& pitch : best) pitch += octave;
        }
      }
    }
    return best;
  }

  void add_comping() {
    GridTrack& track = add_track(Role::kComping, pick(style_->comping_programs, rng_));
    const std::string_view main = pick(style_->comping, rng_);
    const std::string_view other = rng_.chance(0.7) ? main : pick(style_->comping, rng_);
    std::vector<int> chord;
    const Harmony* harmony = nullptr;
    for (int bar = 0; bar < kBars; ++bar) {
      const std::string_view pattern = bar == kBars - 1 ? other : main;
      for (int step = 0; step < steps_; ++step) {
        if (&at(bar, step) != harmony) {
          harmony = &at(bar, step);
          chord = voicing(*harmony, chord, 60);
        }
        const char c = pattern[static_cast<std::size_t>(step)];
        if (c == '.' || c == '-') continue;
        const int last = end_of(pattern, step);
        const int velocity = loudness(step % 4 == 0 ? 6 : 5);
        const std::size_t half = chord.size() / 2;
        for (std::size_t i = 0; i < chord.size(); ++i) {
          const bool single = c >= '1' && c <= '4';
          const std::size_t wanted = single ? static_cast<std::size_t>(c - '1') : 0;
          // A fourth note of a triad is its lowest an octave up.
          if (single && wanted == chord.size() && i == 0) {
            add(track, bar, step, last, chord[0] + 12, velocity);
          }
          if (c == 'X' || (c == 'l' && i < half) || (c == 'u' && i >= half) ||
              (single && i == wanted)) {
            add(track, bar, step, last, chord[i], velocity);
          }
        }
      }
    }
    tidy(track);
  }

  void add_pad() {
    GridTrack& track = add_track(Role::kPad, pick(style_->pad_programs, rng_));
    std::vector<int> chord;
    for (int bar = 0; bar < kBars; ++bar) {
      const auto& halves = harmonies_[static_cast<std::size_t>(bar)];
      for (std::size_t half = 0; half < halves.size(); ++half) {
        chord = voicing(halves[half], chord, 64);
        const int begin = static_cast<int>(half) * steps_ / 2;
        const int end = half + 1 < halves.size() ? steps_ / 2 : steps_;
        for (const int pitch : chord) add(track, bar, begin, end, pitch, loudness(3));
      }
    }
    tidy(track);
  }

  // A motif of one bar, its answer, and both again: A A' B A', or A B A B'.
  void add_melody() {
    GridTrack& track = add_track(Role::kMelody, pick(style_->melody_programs, rng_));
    const std::string_view a = pick(style_->melody, rng_);
    const std::string_view b = rng_.chance(0.4) ? a : pick(style_->melody, rng_);
    const bool answer_third = rng_.chance(0.5);
    const std::array<std::string_view, kBars> rhythms =
        answer_third ? std::array{a, a, b, a} : std::array{a, b, a, b};
    // How the motif moves, in steps of the scale; leaps are rare and turn back.
    std::vector<int> contour;
    int leap = 0;
    for (int i = 0; i < 16; ++i) {
      int move = std::array{-2, -1, -1, 0, 1, 1, 2}[rng_.below(7)];
      if (leap != 0) {
        move = leap > 0 ? -1 : 1;
        leap = 0;
      } else if (rng_.chance(0.12)) {
        leap = move = rng_.chance(0.5) ? 4 : -4;
      }
      contour.push_back(move);
    }
    const int tonic = 60 + loop_.labels.key.tonic() % 12;
    int place = 4 + static_cast<int>(rng_.below(4));  // in scale steps above `tonic`
    for (int bar = 0; bar < kBars; ++bar) {
      const std::string_view rhythm = rhythms[static_cast<std::size_t>(bar)];
      std::size_t note = 0;
      for (int step = 0; step < steps_; ++step) {
        if (rhythm[static_cast<std::size_t>(step)] != 'x') continue;
        const int last = end_of(rhythm, step);
        const Harmony& harmony = at(bar, step);
        place += contour[note++ % contour.size()];
        while (place < 1) place += 3;
        if (place > 12) place -= 3;
        // On the beat, long, or at the end: a note of the chord.
        const bool ends = bar == kBars - 1 && rhythm.find('x', static_cast<std::size_t>(last)) ==
                                                  std::string_view::npos;
        if (step % 4 == 0 || last - step >= 4 || ends) place = nearest_chord_place(harmony, place);
        const int pitch =
            tonic + 12 * (place / 7) + harmony.scale[static_cast<std::size_t>(place % 7)];
        add(track, bar, step, last, pitch, loudness(step % 4 == 0 ? 7 : 6));
      }
    }
    tidy(track);
  }

  static int nearest_chord_place(const Harmony& harmony, int place) {
    for (const int away : {0, 1, -1, 2, -2}) {
      const int here = place + away;
      if (here < 0) continue;
      for (std::size_t third = 0; third < 3; ++third) {
        if (here % 7 == (harmony.degree + 2 * static_cast<int>(third)) % 7) return here;
      }
    }
    return place;
  }

  Rng rng_;
  const LoopStyle* style_ = nullptr;
  Loop loop_;
  int steps_ = 16;
  int low_ = 28;                                 // the bass's lowest note
  std::vector<std::vector<Harmony>> harmonies_;  // of each bar: one, or one for each half
};

}  // namespace

std::string_view role_name(Role role) {
  static constexpr std::array<std::string_view, 5> kNames = {"drums", "bass", "comping", "pad",
                                                             "melody"};
  return kNames[static_cast<std::size_t>(role)];
}

std::string chord_text(const Chord& chord, const Key& key) {
  static constexpr std::array<std::string_view, 12> kSharps = {"C",  "C#", "D",  "D#", "E",  "F",
                                                               "F#", "G",  "G#", "A",  "A#", "B"};
  static constexpr std::array<std::string_view, 12> kFlats = {"C",  "Db", "D",  "Eb", "E",  "F",
                                                              "Gb", "G",  "Ab", "A",  "Bb", "B"};
  static constexpr std::array<std::string_view, kChordQualities> kQualities = {
      "maj", "min",   "dim",  "aug",     "sus4", "maj7", "min7",
      "7",   "hdim7", "dim7", "minmaj7", "maj6", "5"};
  return fmt::format("{}:{}", (key.fifths < 0 ? kFlats : kSharps)[chord.root],
                     kQualities[static_cast<std::size_t>(chord.quality)]);
}

Loop make_loop(std::uint64_t seed) { return LoopMaker(seed).make(); }

}  // namespace hemiola::data
