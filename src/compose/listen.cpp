#include "compose/listen.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "audio/decode.h"
#include "beats/standardise.h"
#include "score/from_midi.h"
#include "score/grid_score.h"
#include "score/to_midi.h"

namespace hemiola {
namespace {

constexpr int kQuarter = 480;  // ticks
constexpr int kTicksPerGridTick = kQuarter / kGridQuarter.count();
constexpr double kTempoSlack = 0.0005;  // seconds that the tempo map may be off a beat
constexpr double kDecodeShare = 0.1;    // of the work of listening
constexpr double kBendRange = 2;        // semitones, General MIDI's own
constexpr int kBendCentre = 8192;

// --- Bars and tempo ---

// A beat on the file's time line.
struct PlacedBeat {
  Tick tick{};
  double seconds = 0;
};

// The recording's tempo and metre map: time 0 of the sound is tick 0, and each beat is one cell of
// the metre. What stands before the first whole bar is a bar of its own, of as many beats as there
// is time for.
class TimeLine {
 public:
  explicit TimeLine(const BeatTrack& track) : metre_(track.metre), cell_(cell_length(track.metre)) {
    place(track.beats);
    make_metres();
  }

  void write(Score& score) const {
    score.metres = metres_;
    double now = 0;
    std::int32_t tempo = 0;
    for (std::size_t i = 0; i + 1 < beats_.size(); ++i) {
      const double quarters =
          static_cast<double>((beats_[i + 1].tick - beats_[i].tick).count()) / kQuarter;
      const double until = beats_[i + 1].seconds;
      // Goes on at the same tempo where that is exact enough, so that a steady beat has one tempo.
      if (tempo == 0 || std::abs(now + quarters * tempo * 1e-6 - until) > kTempoSlack) {
        const double wanted = (until - now) / quarters * 1e6;
        tempo = static_cast<std::int32_t>(std::clamp(std::round(wanted), 1.0, 16777215.0));
        score.tempos.push_back({beats_[i].tick, tempo});
      }
      now += quarters * tempo * 1e-6;
    }
  }

 private:
  void place(std::vector<BeatTrack::Beat> beats) {
    const auto per_bar = static_cast<std::size_t>(cell_count(metre_));
    const auto first = std::find_if(beats.begin(), beats.end(),
                                    [](const BeatTrack::Beat& beat) { return beat.downbeat; });
    std::size_t down = first == beats.end() ? 0 : static_cast<std::size_t>(first - beats.begin());
    const double pace = (beats[1].at - beats[0].at).count();
    // Whole bars back to the beginning of the sound, and what is left over.
    std::vector<BeatTrack::Beat> lead;
    for (double at = beats[0].at.count() - pace; at > -pace / 2; at -= pace) {
      lead.push_back({Seconds(at), false});
    }
    std::reverse(lead.begin(), lead.end());
    beats.insert(beats.begin(), lead.begin(), lead.end());
    down += lead.size();
    while (down >= per_bar) {
      down -= per_bar;
      beats[down].downbeat = true;
    }
    // Beats before the sound begins are not in the file; the one nearest to its beginning is.
    std::size_t begin = 0;
    while (begin + 2 < beats.size() && beats[begin + 1].at.count() <= 0) ++begin;
    for (std::size_t i = begin; i < beats.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i - begin);
      beats_.push_back({Tick(index * cell_.count() * kTicksPerGridTick),
                        i == begin ? 0.0 : beats[i].at.count()});
      if (beats[i].downbeat || i == begin) bars_.push_back(i - begin);
    }
  }

  void make_metres() {
    for (std::size_t i = 0; i < bars_.size(); ++i) {
      Metre metre = metre_;
      if (i + 1 < bars_.size()) {
        const auto beats = static_cast<std::int32_t>(bars_[i + 1] - bars_[i]);
        const GridTick length(beats * cell_.count());
        metre = length == bar_length(metre_)
                    ? metre_
                    : metre_of_length(length, metre_.denominator).value_or(metre_);
      }
      if (metres_.empty() || !(metres_.back().metre == metre)) {
        metres_.push_back({beats_[bars_[i]].tick, metre});
      }
    }
  }

  Metre metre_;
  GridTick cell_;
  std::vector<PlacedBeat> beats_;
  std::vector<std::size_t> bars_;  // indices of beats
  std::vector<MetreChange> metres_;
};

// --- Bends ---

int bend_value(float semitones) {
  return std::clamp(kBendCentre + static_cast<int>(std::lround(semitones / kBendRange * 8192)), 0,
                    16383);
}

void add_bend(std::vector<midi::Event>& events, Tick at, int value, int channel) {
  midi::Event event;
  event.at = at;
  event.kind = midi::EventKind::kPitchBend;
  event.channel = static_cast<std::uint8_t>(channel);
  event.data1 = static_cast<std::uint8_t>(value & 0x7f);
  event.data2 = static_cast<std::uint8_t>(value >> 7);
  events.push_back(event);
}

// A bend moves all notes of the channel, so only notes that sound alone are bent. By onset.
std::vector<midi::Event> bend_events(std::span<const TranscribedNote> notes, const TempoMap& tempo,
                                     int channel) {
  std::vector<midi::Event> events;
  Seconds sounding{-1};  // until when the notes before this one sound
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const TranscribedNote& note = notes[i];
    const Seconds end = note.onset + note.duration;
    const bool alone =
        note.onset >= sounding && (i + 1 == notes.size() || notes[i + 1].onset >= end);
    sounding = std::max(sounding, end);
    if (!alone || note.bends.empty()) continue;
    int now = kBendCentre;
    for (std::size_t k = 0; k < note.bends.size(); ++k) {
      const int value = bend_value(note.bends[k]);
      if (value == now) continue;
      now = value;
      const double share = static_cast<double>(k) / static_cast<double>(note.bends.size());
      add_bend(events, tempo.tick_at(note.onset + Seconds(share * note.duration.count())), value,
               channel);
    }
    if (now != kBendCentre) add_bend(events, tempo.tick_at(end), kBendCentre, channel);
  }
  return events;
}

int rank(const midi::Event& event) {
  switch (event.kind) {
    case midi::EventKind::kNoteOff:
      return 0;
    case midi::EventKind::kNoteOn:
      return 2;
    case midi::EventKind::kMeta:
      return event.data1 == midi::meta::kEndOfTrack ? 3 : 1;
    default:
      return 1;
  }
}

void merge_events(std::vector<midi::Event>& events, const std::vector<midi::Event>& more) {
  events.insert(events.end(), more.begin(), more.end());
  const Tick end = std::max_element(events.begin(), events.end(), [](const auto& a, const auto& b) {
                     return a.at < b.at;
                   })->at;
  for (midi::Event& event : events) {
    if (rank(event) == 3) event.at = end;
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::pair(a.at, rank(a)) < std::pair(b.at, rank(b));
  });
}

}  // namespace

Result<HeardPiece> piece_from_notes(std::span<const TranscribedNote> notes,
                                    const BeatWishes& wishes) {
  std::vector<TranscribedNote> sorted(notes.begin(), notes.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.onset, a.pitch, a.duration) < std::tuple(b.onset, b.pitch, b.duration);
  });
  std::vector<PlayedNote> played;
  for (const TranscribedNote& note : sorted) {
    played.push_back({note.onset, note.duration, note.pitch, note.velocity(), false});
  }
  HeardPiece piece;
  HEMIOLA_TRY(piece.beats, wished_beats(played, wishes));

  Score score;
  score.ticks_per_quarter = kQuarter;
  score.bar_lines_known = true;
  TimeLine(piece.beats).write(score);
  const TempoMap tempo(score);
  Track& track = score.tracks.emplace_back();
  for (const PlayedNote& note : played) {
    const Tick onset = tempo.tick_at(note.onset);
    const Tick end = tempo.tick_at(note.onset + note.duration);
    track.notes.push_back({onset, std::max(end - onset, Tick(1)), note.pitch, note.velocity});
  }
  std::sort(track.notes.begin(), track.notes.end(), [](const Note& a, const Note& b) {
    return std::pair(a.onset, a.pitch) < std::pair(b.onset, b.pitch);
  });
  data::Source& source = piece.source;
  source.file = midi_from_score(score);
  if (const auto bends = bend_events(sorted, tempo, track.channel); !bends.empty()) {
    merge_events(source.file.tracks.back().events, bends);
  }
  HEMIOLA_TRY(source.score, score_from_midi(source.file, {}, &source.from_midi));
  StandardiseOptions standard;
  standard.beats = &piece.beats;
  HEMIOLA_TRY(source.standard, standardise(source.score, standard));
  return piece;
}

Result<Heard> listen(std::span<const std::uint8_t> bytes, const Transcriber& transcriber,
                     const ListenOptions& options, const AudioProgress& progress) {
  DecodeOptions decode;
  decode.sample_rate = Transcriber::kSampleRate;
  decode.mono = true;
  decode.longest = options.longest;
  AudioProgress transcribing;
  if (progress) {
    decode.progress = [&](double done) { return progress(kDecodeShare * done); };
    transcribing = [&](double done) { return progress(kDecodeShare + (1 - kDecodeShare) * done); };
  }
  Heard heard;
  HEMIOLA_TRY(const Audio audio, decode_audio(bytes, decode));
  HEMIOLA_TRY(heard.transcription, transcriber.transcribe(audio, options.notes, transcribing));
  if (heard.transcription.notes.empty()) {
    return fail("no notes heard in {:.1f} s of sound; if there are any, lower the thresholds",
                audio.length().count());
  }
  HEMIOLA_TRY(heard.piece, piece_from_notes(heard.transcription.notes, options.beats));
  return heard;
}

}  // namespace hemiola
