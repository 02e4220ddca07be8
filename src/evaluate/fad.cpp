#include "evaluate/fad.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>

#include "audio/audio.h"
#include "audio/decode.h"
#include "audio/resample.h"
#include "audio/synthesise.h"
#include "data/source.h"
#include "engine/thread_pool.h"

namespace hemiola::evaluate {
namespace {

// The most frames whose distances to each other are held in memory at once (0.8 GB).
constexpr std::size_t kMostKernelFrames = 10'000;

std::string ending_of(const Path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return ending;
}

template <std::size_t kCount>
bool is_one_of(const Path& path, const std::array<std::string_view, kCount>& endings) {
  return std::find(endings.begin(), endings.end(), ending_of(path)) != endings.end();
}

bool is_any_name(const Path& path) { return is_sound_name(path) || is_music_name(path); }

Json interval_json(const Interval& interval) {
  const auto bound = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  return Json::array({bound(interval.low), bound(interval.high)});
}

// At most so many frames, evenly over each clip.
FrameSet thinned(const FrameSet& set, std::size_t most) {
  if (set.frames.rows <= most) return set;
  const std::size_t step = (set.frames.rows + most - 1) / most;
  FrameSet result;
  result.frames.columns = set.frames.columns;
  result.clips = {0};
  for (std::size_t clip = 0; clip < set.clip_count(); ++clip) {
    for (std::size_t i = set.clips[clip]; i < set.clips[clip + 1]; i += step) {
      const auto row = set.frames.row(i);
      result.frames.values.insert(result.frames.values.end(), row.begin(), row.end());
      ++result.frames.rows;
    }
    result.clips.push_back(result.frames.rows);
  }
  return result;
}

}  // namespace

bool is_sound_name(const Path& path) {
  return is_one_of(path, std::array<std::string_view, 9>{".wav", ".flac", ".ogg", ".opus", ".mp3",
                                                         ".m4a", ".aif", ".aiff", ".webm"});
}

bool is_music_name(const Path& path) {
  return is_one_of(path, std::array<std::string_view, 7>{".mid", ".midi", ".kar", ".smf", ".rmi",
                                                         ".jianpu", ".tokens"});
}

Result<std::vector<Path>> list_files(const Path& path, bool (*wanted)(const Path&)) {
  std::error_code code;
  if (!std::filesystem::exists(path, code))
    return fail("{}: no such file or folder", path.string());
  if (!std::filesystem::is_directory(path, code)) return std::vector<Path>{path};
  std::vector<Path> files;
  for (std::filesystem::recursive_directory_iterator it(path, code), end; !code && it != end;
       it.increment(code)) {
    if (it->is_regular_file(code) && wanted(it->path())) files.push_back(it->path());
  }
  if (code) return fail("{}: {}", path.string(), code.message());
  if (files.empty()) return fail("{}: holds no file that can be used here", path.string());
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<float>> load_sound(const Path& path, Seconds longest) {
  if (!is_music_name(path)) {
    HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
    auto decoded = decode_audio(
        file.bytes(),
        {.sample_rate = kEmbeddingRate, .mono = true, .longest = longest, .cut = true});
    if (!decoded) return fail(std::move(decoded.error()).within(path.string()));
    return std::move(decoded->samples);
  }
  HEMIOLA_TRY(const data::Source source, data::read_source(path));
  HEMIOLA_TRY(Audio audio, synthesise(source.file));
  HEMIOLA_TRY([[maybe_unused]] const double gain, normalise_loudness(audio));
  const auto most = static_cast<std::size_t>(longest.count() * audio.sample_rate);
  if (audio.frames() > most) {
    audio.samples.resize(most * static_cast<std::size_t>(audio.channels));
  }
  return mono_at(audio, kEmbeddingRate);
}

Json to_json(const std::vector<Skipped>& skipped) {
  Json json = Json::array();
  for (const Skipped& file : skipped) {
    json.push_back({{"path", file.path}, {"reason", file.reason}});
  }
  return json;
}

Result<SetOfSounds> embed_files(const std::vector<Path>& files, const Embedding& embedding,
                                const FadOptions& options) {
  std::vector<Result<Matrix>> frames(files.size(), Matrix());
  std::mutex mutex;
  std::size_t done = 0;
  std::atomic<bool> stop{false};
  engine::ThreadPool pool(options.threads > 0 ? options.threads
                                              : engine::ThreadPool::usable_processors());
  // The pool takes a limited number of tasks at a time.
  constexpr std::size_t kAtOnce = 1 << 14;
  for (std::size_t begin = 0; begin < files.size(); begin += kAtOnce) {
    const auto count = static_cast<int>(std::min(kAtOnce, files.size() - begin));
    pool.run(count, [&](int index, int) {
      if (stop) return;
      const std::size_t i = begin + static_cast<std::size_t>(index);
      const auto sound = load_sound(files[i], options.longest);
      frames[i] = sound ? embedding.embed(*sound) : Result<Matrix>(fail(sound.error()));
      const std::lock_guard lock(mutex);
      if (options.progress && options.progress(++done, files.size())) stop = true;
    });
  }
  if (stop) return fail("stopped");

  SetOfSounds set;
  set.frames.clips = {0};
  set.frames.frames.columns = static_cast<std::size_t>(embedding.dimensions());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto usable = [&]() -> Status {
      if (!frames[i]) return fail(frames[i].error());
      const auto& values = frames[i]->values;
      const auto finite = [](double value) { return std::isfinite(value); };
      if (std::all_of(values.begin(), values.end(), finite)) return {};
      return fail("its embedding is not finite");
    }();
    if (!usable) {
      set.skipped.push_back({files[i].string(), usable.error().message});
      continue;
    }
    Matrix& all = set.frames.frames;
    all.values.insert(all.values.end(), frames[i]->values.begin(), frames[i]->values.end());
    all.rows += frames[i]->rows;
    set.frames.clips.push_back(all.rows);
    set.paths.push_back(files[i].string());
  }
  if (set.paths.empty()) {
    return fail("none of {} files could be used; the first: {}: {}", files.size(),
                set.skipped[0].path, set.skipped[0].reason);
  }
  return set;
}

Result<FadReport> measure_fad(const Path& reference, const Path& generated,
                              const Embedding& embedding, const FadOptions& options) {
  HEMIOLA_TRY(std::vector<Path> files, list_files(reference, is_any_name));
  HEMIOLA_TRY(const std::vector<Path> others, list_files(generated, is_any_name));
  // One run over both, so that progress and threads are shared.
  FadOptions both = options;
  const std::size_t total = files.size() + others.size();
  std::size_t before = 0;
  both.progress = [&](std::size_t done, std::size_t) {
    return options.progress && options.progress(before + done, total);
  };
  HEMIOLA_TRY(const SetOfSounds first, embed_files(files, embedding, both));
  before = files.size();
  HEMIOLA_TRY(const SetOfSounds second, embed_files(others, embedding, both));
  for (const auto& [set, name] : {std::pair(&first, &reference), std::pair(&second, &generated)}) {
    if (set->frames.frames.rows < 2) {
      return fail("{}: gives a single frame; more or longer sound is needed", name->string());
    }
  }
  FadReport report = measure_fad(first, second, options);
  report.embedding = embedding.name();
  return report;
}

FadReport measure_fad(const SetOfSounds& reference, const SetOfSounds& generated,
                      const FadOptions& options) {
  FadReport report;
  report.reference_files = reference.paths.size();
  report.generated_files = generated.paths.size();
  report.reference_frames = reference.frames.frames.rows;
  report.generated_frames = generated.frames.frames.rows;
  report.skipped = reference.skipped;
  report.skipped.insert(report.skipped.end(), generated.skipped.begin(), generated.skipped.end());
  Gaussian gaussian = fit_gaussian(reference.frames.frames);
  FrameSet first, second;  // on the axes, where some are asked for
  if (options.axes > 0) {
    const Matrix axes = principal_axes(gaussian.root, options.axes);
    first = project(reference.frames, gaussian, axes);
    second = project(generated.frames, gaussian, axes);
    gaussian = fit_gaussian(first.frames);
  }
  const FrameSet& real = options.axes > 0 ? first : reference.frames;
  const FrameSet& made = options.axes > 0 ? second : generated.frames;
  report.dimensions = static_cast<int>(real.frames.columns);
  report.fad = frechet_distance(gaussian, fit_gaussian(made.frames));
  const int threads =
      options.threads > 0 ? options.threads : engine::ThreadPool::usable_processors();
  report.fad_infinity =
      extrapolated_frechet(gaussian, made, {.seed = options.seed, .threads = threads});
  report.kad = kernel_distance(thinned(real, kMostKernelFrames), thinned(made, kMostKernelFrames));
  if (options.per_song) {
    for (std::size_t i = 0; i < generated.paths.size(); ++i) {
      FadReport::Song& song = report.songs.emplace_back();
      song.path = generated.paths[i];
      const FrameSet alone = made.select({i});
      if (alone.frames.rows > 1) song.fad = frechet_distance(gaussian, fit_gaussian(alone.frames));
    }
  }
  return report;
}

Json to_json(const FadReport& report) {
  Json json = Json::object();
  json["fad"] = report.fad;
  json["fad_inf"] = report.fad_infinity ? Json(report.fad_infinity->value) : Json();
  json["kad"] = report.kad.value;
  json["embedding"] = report.embedding;
  json["n_ref"] = report.reference_files;
  json["n_gen"] = report.generated_files;
  json["skipped"] = to_json(report.skipped);
  json["dimensions"] = report.dimensions;
  json["frames_ref"] = report.reference_frames;
  json["frames_gen"] = report.generated_frames;
  if (report.fad_infinity) {
    json["fad_inf_interval"] = interval_json(report.fad_infinity->interval);
    json["fad_inf_r2"] = report.fad_infinity->r_squared;
    json["fad_inf_draws"] = report.fad_infinity->draws;
  }
  json["kad_interval"] = interval_json(report.kad.interval);
  json["kad_bandwidth"] = report.kad.bandwidth;
  if (!report.songs.empty()) {
    json["songs"] = Json::array();
    for (const auto& song : report.songs) {
      json["songs"].push_back({{"path", song.path}, {"fad", song.fad ? Json(*song.fad) : Json()}});
    }
  }
  return json;
}

}  // namespace hemiola::evaluate
