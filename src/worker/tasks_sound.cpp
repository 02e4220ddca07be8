// Tasks that make sound.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "audio/audio.h"
#include "audio/synthesise.h"
#include "midi/reader.h"
#include "worker/tasks.h"

namespace hemiola::worker {
namespace {

constexpr std::size_t kPeaks = 1000;

// The loudest sample of equal stretches, for a picture.
Json peaks_of(const Audio& audio) {
  const std::size_t frames = audio.frames();
  const std::size_t count = std::min(kPeaks, frames);
  Json peaks = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * frames / count, end = (i + 1) * frames / count;
    float peak = 0;
    for (std::size_t s = begin * static_cast<std::size_t>(audio.channels);
         s < end * static_cast<std::size_t>(audio.channels); ++s) {
      peak = std::max(peak, std::abs(audio.samples[s]));
    }
    peaks.push_back(std::round(std::min(peak, 1.0f) * 1000) / 1000.0);
  }
  return peaks;
}

}  // namespace

Result<Json> Task::transcribe() {
  if (!equipment_.transcriber) return fail("this worker has no transcriber");
  HEMIOLA_TRY(const Bytes bytes, blob(0));
  const Json given = request_.message.value("options", Json::object());
  ListenOptions options;
  NoteOptions& notes = options.notes;
  notes.onset_threshold = given.value("onset_threshold", notes.onset_threshold);
  notes.frame_threshold = given.value("frame_threshold", notes.frame_threshold);
  notes.shortest = Seconds(given.value("minimum_note_ms", 1e3 * notes.shortest.count()) / 1e3);
  notes.lowest = std::max(notes.lowest, given.value("lowest", notes.lowest));
  notes.highest = std::min(notes.highest, given.value("highest", notes.highest));
  HEMIOLA_TRY(const Heard heard, listen(bytes, *equipment_.transcriber, options, [&](double done) {
                const Json event = {{"event", "progress"}, {"done", done}};
                return !channel_.cancelled() && channel_.send(event).has_value();
              }));
  return heard_piece(heard.piece);
}

Result<Json> Task::render() {
  HEMIOLA_TRY(const Bytes bytes, blob(0));
  HEMIOLA_TRY(const midi::File file, midi::read(bytes));
  const std::string format = request_.message.value("format", "wav");
  constexpr std::array kFormats = {"wav", "flac", "ogg", "mp3"};
  if (std::find(kFormats.begin(), kFormats.end(), format) == kFormats.end()) {
    return fail("format '{}' is not known", format);
  }
  SynthesisOptions options;
  options.soundfont = equipment_.soundfont;
  options.longest = Seconds(1800);
  HEMIOLA_TRY(Audio audio, synthesise(file, options, [&](double done) {
                // The last tenth is for loudness and the file.
                const Json event = {{"event", "progress"}, {"done", 0.9 * done}};
                return !channel_.cancelled() && channel_.send(event).has_value();
              }));
  LoudnessTarget target;
  target.integrated = request_.message.value("loudness", target.integrated);
  HEMIOLA_CHECK(normalise_loudness(audio, target));
  const Path path = equipment_.temp / fmt::format("sound-{}.{}", ::getpid(), format);
  HEMIOLA_CHECK(write_audio(path, audio));
  HEMIOLA_TRY(const Bytes sound, read_file(path, std::size_t{2} << 30));
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  HEMIOLA_TRY(const std::size_t sent, send(sound));
  return Json{{"blob", sent},
              {"seconds", audio.length().count()},
              {"sample_rate", audio.sample_rate},
              {"peaks", peaks_of(audio)}};
}

}  // namespace hemiola::worker
