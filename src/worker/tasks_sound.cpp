// Tasks that make sound.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "audio/audio.h"
#include "audio/decode.h"
#include "audio/synthesise.h"
#include "base/base64.h"
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

// Samples of one channel as they are in the finished WAV: 16 bits, least significant byte first.
Bytes pcm_of(std::span<const float> samples) {
  Bytes pcm;
  pcm.reserve(2 * samples.size());
  for (const float sample : samples) {
    const long value = std::clamp(std::lround(sample * 32768.0f), -32768L, 32767L);
    pcm.push_back(static_cast<std::uint8_t>(value & 0xff));
    pcm.push_back(static_cast<std::uint8_t>((value >> 8) & 0xff));
  }
  return pcm;
}

// Of what is new; null where there is no index, or too little sound to say.
Json novelty_json(const Equipment& equipment, std::span<const float> sound) {
  const auto novelty = evaluate::novelty_of_made(sound, equipment.sounds, *equipment.waveforms);
  if (!novelty) return {};
  Json json = evaluate::to_json(*novelty);
  json.erase("copy");
  json["verdict"] = novelty->is_copy() ? "copy" : "new";
  return json;
}

// A temperature of 1 is what suits the models.
audiolm::StageSampling sampling_for(const audiolm::Generator& generator, double temperature) {
  audiolm::StageSampling sampling = generator.sampling();
  for (auto* stage : {&sampling.rhythm, &sampling.semantic, &sampling.coarse, &sampling.fine}) {
    stage->temperature *= static_cast<float>(temperature);
  }
  return sampling;
}

}  // namespace

Result<std::size_t> Task::send_sound(const Audio& audio, const std::string& format) {
  const Path path = equipment_.temp / fmt::format("sound-{}.{}", ::getpid(), format);
  HEMIOLA_CHECK(write_audio(path, audio));
  HEMIOLA_TRY(const Bytes sound, read_file(path, std::size_t{2} << 30));
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return send(sound);
}

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
  HEMIOLA_TRY(const std::size_t sent, send_sound(audio, format));
  return Json{{"blob", sent},
              {"seconds", audio.length().count()},
              {"sample_rate", audio.sample_rate},
              {"peaks", peaks_of(audio)}};
}

Result<std::vector<float>> Task::waveform_prompt() {
  const int rate = equipment_.waveforms->rate();
  if (request_.message.contains("file")) {
    HEMIOLA_TRY(const Bytes bytes, blob(0));
    DecodeOptions decoding;
    decoding.longest = Seconds(600);
    HEMIOLA_TRY(Audio audio, decode_audio(bytes, decoding));
    return audiolm::as_prompt(std::move(audio), rate);
  }
  if (request_.message.contains("piece")) {
    HEMIOLA_TRY(const Bytes bytes, blob(0));
    HEMIOLA_TRY(const midi::File file, midi::read(bytes));
    SynthesisOptions options;
    options.soundfont = equipment_.soundfont;
    options.sample_rate = rate;
    options.longest = Seconds(600);
    HEMIOLA_TRY(Audio audio, synthesise(file, options));
    return audiolm::as_prompt(std::move(audio), rate);
  }
  return std::vector<float>();
}

Result<Json> Task::waveform() {
  if (!equipment_.waveforms) return fail("this worker has no waveform model");
  const audiolm::Generator& generator = *equipment_.waveforms;
  const auto start = std::chrono::steady_clock::now();
  audiolm::SoundRequest wish;
  wish.seconds = request_.message.value("seconds", 10.0);
  wish.sampling = sampling_for(generator, request_.message.value("temperature", 1.0));
  const std::string seed = request_.message.value("seed", "0");
  const auto [end, error] = std::from_chars(seed.data(), seed.data() + seed.size(), wish.seed);
  if (error != std::errc() || end != seed.data() + seed.size()) {
    return fail("seed: {} is not a number of 64 bits", seed);
  }
  HEMIOLA_TRY(wish.prompt, waveform_prompt());
  audiolm::SoundCallbacks callbacks;
  std::size_t told = 0, prompt_samples = 0;
  bool prompt_told = wish.prompt.empty();
  // Sound goes out as it is written, the prompt first, two seconds at most at once. The last
  // twentieth of the work is for the files.
  callbacks.sound = [&](std::span<const float> samples, double done) {
    if (!std::exchange(prompt_told, true)) prompt_samples = samples.size();
    const auto most = static_cast<std::size_t>(2 * generator.rate());
    const auto all = std::llround(static_cast<double>(told + samples.size()) / done);
    while (!samples.empty()) {
      const auto part = samples.first(std::min(samples.size(), most));
      const Json event = {{"event", "audio"},
                          {"start", told},
                          {"of", all},
                          {"prompt", prompt_samples},
                          {"sample_rate", generator.rate()},
                          {"pcm", to_base64(pcm_of(part))}};
      if (!channel_.send(event)) return false;
      told += part.size();
      samples = samples.subspan(part.size());
    }
    const Json event = {{"event", "progress"}, {"done", 0.95 * done}};
    return !channel_.cancelled() && channel_.send(event).has_value();
  };
  HEMIOLA_TRY(audiolm::WrittenSound written, generator.generate(wish, callbacks));
  // Stopped, it keeps what is new so far.
  if (written.samples.size() <= written.prompt_samples) return fail("it was stopped");
  Json novelty =
      novelty_json(equipment_, std::span(written.samples).subspan(written.prompt_samples));
  Audio audio{generator.rate(), 1, std::move(written.samples)};
  for (float& sample : audio.samples) sample = std::clamp(sample, -1.0f, 1.0f);
  HEMIOLA_TRY(const std::size_t sent, send_sound(audio, "wav"));
  Json others = Json::array();
  for (const char* format : {"flac", "mp3"}) {
    HEMIOLA_TRY(const std::size_t other, send_sound(audio, format));
    others.push_back({{"format", format}, {"blob", other}});
  }
  const double taken =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double prompt = static_cast<double>(written.prompt_samples) / generator.rate();
  return Json{{"blob", sent},
              {"others", std::move(others)},
              {"seconds", audio.length().count()},
              {"sample_rate", audio.sample_rate},
              {"peaks", peaks_of(audio)},
              {"prompt_seconds", prompt},
              {"model", generator.sha256()},
              {"model_name", generator.name()},
              {"settings", {{"seconds", wish.seconds}, {"sampling", to_json(wish.sampling)}}},
              {"complete", written.complete},
              {"novelty", std::move(novelty)},
              {"taken", taken}};
}

}  // namespace hemiola::worker
