// hemiola transcribe AUDIO -o FILE.mid: the notes of a recording, with beats and bars.
#include <memory>

#include "cli/command.h"
#include "compose/controls.h"
#include "compose/listen.h"
#include "midi/writer.h"
#include "score/to_midi.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, out, weights;
  ListenOptions listen;
  double shortest = 127.7, longest = 1800;
  std::string range, metre;
  std::optional<double> first_downbeat;
  bool no_inferred = false, onsets_only = false, quantise = false, force = false, json = false;
};

Result<ListenOptions> listen_options(const Options& options) {
  ListenOptions listen = options.listen;
  listen.longest = Seconds(options.longest);
  listen.notes.shortest = Seconds(options.shortest / 1000);
  listen.notes.infer_onsets = !options.no_inferred;
  listen.notes.trailing = !options.onsets_only;
  if (!options.range.empty()) {
    HEMIOLA_TRY(const auto range, parse_range(options.range));
    listen.notes.lowest = range.low;
    listen.notes.highest = range.high;
  }
  if (!options.metre.empty()) {
    HEMIOLA_TRY(listen.beats.metre, parse_metre(options.metre));
  }
  if (options.first_downbeat) listen.beats.first_downbeat = Seconds(*options.first_downbeat);
  return listen;
}

// Of the whole recording, in beats a minute.
double mean_tempo(const BeatTrack& track) {
  const double seconds = (track.beats.back().at - track.beats.front().at).count();
  return 60 * static_cast<double>(track.beats.size() - 1) / seconds;
}

Result<int> run(const Options& options) {
  HEMIOLA_CHECK(may_write(options.out, options.force));
  const auto start = std::chrono::steady_clock::now();
  HEMIOLA_TRY(const ListenOptions listen_to, listen_options(options));
  HEMIOLA_TRY(const Path weights, locate_transcriber(options.weights));
  HEMIOLA_TRY(const Transcriber transcriber, Transcriber::load(weights));
  HEMIOLA_TRY(const Bytes bytes, read_file(options.file));
  catch_interrupts();
  Progress progress("transcribe");
  auto heard = listen(bytes, transcriber, listen_to, [&](double done) {
    progress.show(done, 1);
    return !interrupted();
  });
  if (!heard) return fail(std::move(heard.error()).within(options.file.string()));
  const data::Source& source = heard->piece.source;
  midi::File file = source.file;
  if (options.quantise) {
    HEMIOLA_TRY(file, midi_from_grid(source.grid()));
  }
  HEMIOLA_CHECK(write_file(options.out, midi::write(file)));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const BeatTrack& beats = heard->piece.beats;
  const std::size_t notes = heard->transcription.notes.size();
  const double length = heard->transcription.length.count();
  const std::string metre = fmt::format("{}/{}", beats.metre.numerator, beats.metre.denominator);
  if (options.json) {
    print(Json{{"notes", notes},
               {"seconds_audio", length},
               {"seconds_taken", seconds},
               {"path", options.out.string()},
               {"tempo", mean_tempo(beats)},
               {"metre", metre},
               {"beat_confidence", beats.confidence}});
  } else {
    note(fmt::format("{}: {} notes in {} of sound, {} at about {:.0f} beats a minute, in {}",
                     options.out.string(), notes, duration_text(length), metre, mean_tempo(beats),
                     duration_text(seconds)));
  }
  return 0;
}

}  // namespace

Action add_transcribe(CLI::App& app) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  NoteOptions& notes = o.listen.notes;
  app.add_option("AUDIO", o.file, "WAV, FLAC, MP3, Ogg, Opus, WebM, M4A or AIFF")->required();
  app.add_option("-o,--output", o.out, "OUT.mid")->required();
  app.add_option("--onset-threshold", notes.onset_threshold, "how sure a beginning is; lower: more")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Notes");
  app.add_option("--frame-threshold", notes.frame_threshold, "how strong a note is; lower: longer")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Notes");
  app.add_option("--shortest", o.shortest, "leave out shorter notes; in ms")
      ->check(CLI::Range(0.0, 10000.0))
      ->capture_default_str()
      ->group("Notes");
  app.add_option("--range", o.range, "only these pitches: 48-84 or C3-C6")->group("Notes");
  app.add_option("--energy-tolerance", notes.energy_tolerance,
                 "frames of 12 ms that a note may fall below the threshold")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group("Notes");
  app.add_flag("--no-inferred-onsets", o.no_inferred, "not also from sudden rises of energy")
      ->group("Notes");
  app.add_flag("--onsets-only", o.onsets_only, "no notes whose beginning is not heard")
      ->group("Notes");
  app.add_flag("--bends", notes.bends, "write how single notes are bent")->group("Notes");
  app.add_option("--tempo", o.listen.beats.tempo, "beats a minute, about")
      ->check(CLI::Range(20.0, 400.0))
      ->group("Beats");
  app.add_flag("--steady", o.listen.beats.steady, "exactly at --tempo throughout (to a click)")
      ->group("Beats");
  app.add_option("--metre", o.metre, "3/4")->group("Beats");
  app.add_option("--first-downbeat", o.first_downbeat, "a bar begins at this second")
      ->group("Beats");
  app.add_flag("--quantise", o.quantise,
               "write the notes on the grid, at one tempo; else in the recording's own time");
  app.add_option("--longest", o.longest, "refuse longer recordings; in seconds")
      ->check(CLI::Range(1.0, 14400.0))
      ->capture_default_str();
  app.add_option("--weights", o.weights,
                 "the transcriber's weights; else HEMIOLA_TRANSCRIBER, else where "
                 "scripts/fetch_transcriber.sh puts them");
  app.add_flag("--force", o.force, "replace an existing file");
  app.add_flag("--json", o.json, "report on stdout as JSON");
  app.footer(
      "Examples:\n"
      "  hemiola transcribe humming.webm -o humming.mid --range C3-C6\n"
      "  hemiola transcribe piano.mp3 -o piano.mid --metre 3/4 --first-downbeat 0.82\n"
      "  hemiola transcribe loop.wav -o loop.mid --tempo 120 --steady --quantise");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
