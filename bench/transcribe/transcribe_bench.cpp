// How well and how fast rendered music of known notes is written down.
//   transcribe_bench FOLDER [--pieces 20] [--seconds 30] [--write DIR]
// takes pieces evenly from the MIDI files of a folder, renders the notes that begin in their first
// seconds, transcribes the sound, and compares: a note is right if its pitch is equal and its onset
// at most 50 ms off, each note matched once (the onset F-measure of mir_eval). --write keeps the
// sound as DIR/N.wav (22,050 Hz, mono) and, where DIR/N.txt holds the notes of another transcriber
// ("seconds pitch" a line; npm.mjs writes such), compares those too.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "audio/audio.h"
#include "audio/resample.h"
#include "audio/synthesise.h"
#include "audio/transcribe.h"
#include "data/source.h"
#include "data/sources.h"
#include "score/to_midi.h"

namespace {

using namespace hemiola;

struct Onset {
  double at = 0;
  int pitch = 0;
};

struct Agreement {
  std::size_t truth = 0, heard = 0, matched = 0;

  double precision() const { return share(heard); }
  double recall() const { return share(truth); }
  double f1() const {
    return truth + heard == 0
               ? 0
               : 2.0 * static_cast<double>(matched) / static_cast<double>(truth + heard);
  }

 private:
  double share(std::size_t of) const {
    return of == 0 ? 0 : static_cast<double>(matched) / static_cast<double>(of);
  }
};

// Pitch by pitch in the order of time; with one tolerance for all, taking the first that fits
// matches as many as can be matched.
Agreement compare(const std::vector<Onset>& truth, const std::vector<Onset>& heard) {
  constexpr double kTolerance = 0.05;
  Agreement agreement{truth.size(), heard.size(), 0};
  for (int pitch = 0; pitch < 128; ++pitch) {
    const auto times = [&](const std::vector<Onset>& onsets) {
      std::vector<double> at;
      for (const Onset& onset : onsets) {
        if (onset.pitch == pitch) at.push_back(onset.at);
      }
      std::sort(at.begin(), at.end());
      return at;
    };
    const auto a = times(truth), b = times(heard);
    for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
      if (std::abs(a[i] - b[j]) <= kTolerance) {
        ++agreement.matched, ++i, ++j;
      } else if (a[i] < b[j]) {
        ++i;
      } else {
        ++j;
      }
    }
  }
  return agreement;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Sums {
  double f1 = 0, precision = 0, recall = 0;
  int pieces = 0;

  void add(const Agreement& a) {
    f1 += a.f1(), precision += a.precision(), recall += a.recall();
    ++pieces;
  }
  std::string text() const {
    if (pieces == 0) return "none";
    return fmt::format("F1 {:.3f}, precision {:.3f}, recall {:.3f} over {} pieces", f1 / pieces,
                       precision / pieces, recall / pieces, pieces);
  }
};

// The beginning of a piece: its notes in seconds, and as sound.
struct Excerpt {
  std::vector<Onset> truth;
  std::vector<float> samples;
};

Result<Excerpt> render(const Path& path, double seconds) {
  HEMIOLA_TRY(data::Source source, data::read_source(path));
  Score& score = source.score;
  const TempoMap tempo(score);
  Excerpt excerpt;
  for (Track& track : score.tracks) {
    std::erase_if(track.notes, [&](const Note& note) {
      return tempo.seconds_at(note.onset).count() >= seconds;
    });
    for (const Note& note : track.notes) {
      excerpt.truth.push_back({tempo.seconds_at(note.onset).count(), note.pitch});
    }
  }
  // Nor what the file says later on: the sound ends with the last note.
  const auto is_later = [end = score.end()](const auto& change) { return change.at > end; };
  std::erase_if(score.tempos, is_later);
  std::erase_if(score.metres, is_later);
  std::erase_if(score.keys, is_later);
  score.lyrics.clear();
  HEMIOLA_TRY(Audio audio, synthesise(midi_from_score(score)));
  HEMIOLA_TRY(const double gain, normalise_loudness(audio));
  (void)gain;
  HEMIOLA_TRY(excerpt.samples, mono_at(audio, Transcriber::kSampleRate));
  return excerpt;
}

std::optional<std::vector<Onset>> read_onsets(const Path& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::vector<Onset> onsets;
  for (Onset onset; in >> onset.at >> onset.pitch;) onsets.push_back(onset);
  return onsets;
}

Status run(const Path& folder, int pieces, double seconds, const Path& write) {
  HEMIOLA_TRY(auto files, data::list_sources({folder}));
  std::erase_if(files, [](const data::SourceFile& file) { return file.is_archive; });
  if (files.empty()) return fail("{}: no MIDI files", folder.string());
  HEMIOLA_TRY(const Path weights, locate_transcriber());
  HEMIOLA_TRY(const Transcriber transcriber, Transcriber::load(weights));
  Sums ours, theirs;
  double sound = 0, work = 0;
  for (int i = 0; i < pieces; ++i) {
    const auto& file =
        files[files.size() * static_cast<std::size_t>(i) / static_cast<std::size_t>(pieces)];
    HEMIOLA_TRY(const Excerpt excerpt, render(file.path, seconds));
    const Audio audio{Transcriber::kSampleRate, 1, excerpt.samples};
    const double start = processor_seconds();
    HEMIOLA_TRY(const Transcription result, transcriber.transcribe(audio));
    work += processor_seconds() - start;
    sound += audio.length().count();
    std::vector<Onset> heard;
    for (const TranscribedNote& note : result.notes) {
      heard.push_back({note.onset.count(), note.pitch});
    }
    const Agreement agreement = compare(excerpt.truth, heard);
    ours.add(agreement);
    std::string line =
        fmt::format("{:3} {:5} notes, F1 {:.3f}", i, excerpt.truth.size(), agreement.f1());
    if (!write.empty()) {
      HEMIOLA_CHECK(write_audio(write / fmt::format("{}.wav", i), audio));
      if (const auto other = read_onsets(write / fmt::format("{}.txt", i))) {
        theirs.add(compare(excerpt.truth, *other));
        line += fmt::format(" | other {:.3f}; of each other {:.3f}",
                            compare(excerpt.truth, *other).f1(), compare(heard, *other).f1());
      }
    }
    fmt::print("{}  {}\n", line, file.name);
    std::fflush(stdout);
  }
  fmt::print(
      "ours   {}\nother  {}\n{:.0f} s of sound in {:.2f} s of one processor: {:.0f} times real "
      "time\n",
      ours.text(), theirs.text(), sound, work, sound / work);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Path folder, write;
  int pieces = 20;
  double seconds = 30;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--pieces" && i + 1 < argc) {
      pieces = std::atoi(argv[++i]);
    } else if (name == "--seconds" && i + 1 < argc) {
      seconds = std::atof(argv[++i]);
    } else if (name == "--write" && i + 1 < argc) {
      write = argv[++i];
    } else {
      folder = name;
    }
  }
  if (folder.empty() || pieces < 1) {
    fmt::print(stderr, "usage: transcribe_bench FOLDER [--pieces N] [--seconds S] [--write DIR]\n");
    return 2;
  }
  if (const Status status = run(folder, pieces, seconds, write); !status) {
    fmt::print(stderr, "{}\n", status.error().message);
    return 1;
  }
  return 0;
}
