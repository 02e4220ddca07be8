#include "audiolm/sound_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>

#include "audio/decode.h"
#include "base/hash.h"

namespace hemiola::audiolm {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kFormat = "hemiola-sounds-1";
constexpr const char* kNumbers = "sound.i16";
constexpr const char* kTable = "sound.json";

// A file that was copied under another name falls to the same split.
std::string split_of(std::span<const std::uint8_t> bytes) {
  const unsigned place = sha256(bytes)[0];  // 0 to 255
  if (place < 230) return "train";
  return place < 243 ? "validation" : "test";
}

std::int16_t to_int16(float value) {
  return static_cast<std::int16_t>(std::lround(std::clamp(value * 32768.0f, -32768.0f, 32767.0f)));
}

bool is_split(std::string_view split) {
  return split == "train" || split == "validation" || split == "test";
}

// Beside its place until it is whole.
class NumbersFile {
 public:
  explicit NumbersFile(const Path& path)
      : path_(path), part_(path.string() + ".part"), out_(part_, std::ios::binary) {}
  NumbersFile(const NumbersFile&) = delete;
  NumbersFile& operator=(const NumbersFile&) = delete;
  ~NumbersFile() {
    std::error_code code;
    if (!done_) std::filesystem::remove(part_, code);
  }

  Status write(std::span<const std::int16_t> numbers) {
    out_.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size_bytes()));
    if (!out_) return fail("{}: cannot be written; is the disk full?", part_.string());
    return {};
  }
  Status commit() {
    out_.close();
    std::error_code code;
    if (out_) std::filesystem::rename(part_, path_, code);
    if (!out_ || code) return fail("{}: cannot be written: {}", path_.string(), code.message());
    done_ = true;
    return {};
  }

 private:
  Path path_, part_;
  std::ofstream out_;
  bool done_ = false;
};

}  // namespace

std::span<const std::int16_t> SoundSet::samples(std::size_t i) const {
  // A map begins at a page, so the numbers are aligned.
  const auto* numbers = reinterpret_cast<const std::int16_t*>(file_.bytes().data());
  return {numbers + pieces_[i].start, pieces_[i].samples};
}

std::vector<float> SoundSet::sound(std::size_t i) const {
  const auto numbers = samples(i);
  std::vector<float> sound(numbers.size());
  std::transform(numbers.begin(), numbers.end(), sound.begin(),
                 [](std::int16_t x) { return static_cast<float>(x) / 32768.0f; });
  return sound;
}

std::vector<std::size_t> SoundSet::of_split(std::string_view split) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (pieces_[i].split == split) found.push_back(i);
  }
  return found;
}

Result<std::vector<SoundPiece>> parse_sound_table(std::string_view json, std::size_t samples,
                                                  std::string_view where) {
  HEMIOLA_TRY(const Json table, parse_json(json, where));
  std::vector<SoundPiece> pieces;
  try {
    if (table.at("format").get<std::string>() != kFormat || table.at("rate") != kSoundRate) {
      return fail(
          "{}: expected format {} at {} Hz; make the set again with `hemiola audiolm "
          "prepare`",
          where, kFormat, kSoundRate);
    }
    for (const Json& row : table.at("pieces")) {
      SoundPiece piece;
      row.at("name").get_to(piece.name);
      row.at("start").get_to(piece.start);
      row.at("samples").get_to(piece.samples);
      row.at("split").get_to(piece.split);
      piece.labels = row.value("labels", Json::object());
      if (piece.samples > samples || piece.start > samples - piece.samples) {
        return fail("{}: \"{}\" is said to stand at samples {} to {}, but {} has {}", where,
                    piece.name, piece.start, piece.start + piece.samples, kNumbers, samples);
      }
      if (!is_split(piece.split)) {
        return fail("{}: \"{}\" has the split \"{}\"; expected train, validation or test", where,
                    piece.name, piece.split);
      }
      pieces.push_back(std::move(piece));
    }
  } catch (const Json::exception& error) {
    return fail("{}: not the table of a set of sounds: {}", where, error.what());
  }
  return pieces;
}

Result<SoundSet> SoundSet::open(const Path& folder) {
  const Path path = folder / kTable;
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    return fail("{}: not a set of sounds (no {}); make one with `hemiola audiolm prepare`",
                folder.string(), kTable);
  }
  HEMIOLA_TRY(const std::string text, read_text(path));
  HEMIOLA_TRY(MappedFile file, MappedFile::open(folder / kNumbers));
  HEMIOLA_TRY(std::vector<SoundPiece> pieces,
              parse_sound_table(text, file.bytes().size() / sizeof(std::int16_t), path.string()));
  return SoundSet(std::move(file), std::move(pieces));
}

Result<std::vector<SoundSource>> loop_sources(const Path& folder) {
  const Path path = folder / "labels.jsonl";
  HEMIOLA_TRY(const std::string text, read_text(path));
  std::vector<SoundSource> sources;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    const std::string where = fmt::format("{}: line {}", path.string(), number);
    HEMIOLA_TRY(Json labels, parse_json(line, where));
    const auto field = [&](const char* key) {
      return labels.is_object() && labels.contains(key) && labels[key].is_string()
                 ? labels[key].get<std::string>()
                 : std::string();
    };
    SoundSource source;
    source.name = Path(field("file")).stem().string();
    source.split = field("split");
    if (source.name.empty() || !is_split(source.split)) {
      return fail("{}: expected a loop's \"file\" and \"split\"", where);
    }
    source.path = folder / (source.name + ".flac");
    std::error_code code;
    if (!std::filesystem::exists(source.path, code)) {
      return fail("{}: not there; make the loops' sound with `hemiola dataset loops --audio`",
                  source.path.string());
    }
    labels.erase("file");
    labels.erase("split");
    source.labels = std::move(labels);
    sources.push_back(std::move(source));
  }
  if (sources.empty()) return fail("{}: names no loops", path.string());
  return sources;
}

Result<WrittenSounds> write_sound_set(std::span<const SoundSource> sources, const Path& folder,
                                      const std::function<bool(std::size_t)>& progress) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
  NumbersFile out(folder / kNumbers);
  WrittenSounds written;
  Json rows = Json::array();
  std::vector<std::int16_t> numbers;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const SoundSource& source = sources[i];
    const auto take = [&]() -> Result<std::string> {
      HEMIOLA_TRY(const Bytes bytes, read_file(source.path));
      HEMIOLA_TRY(const Audio audio,
                  decode_audio(bytes, {.sample_rate = kSoundRate, .mono = true}));
      numbers.resize(audio.samples.size());
      std::transform(audio.samples.begin(), audio.samples.end(), numbers.begin(), to_int16);
      return source.split.empty() ? split_of(bytes) : source.split;
    };
    if (const auto split = take(); split) {
      HEMIOLA_CHECK(out.write(numbers));
      rows.push_back({{"name", source.name},
                      {"start", written.samples},
                      {"samples", numbers.size()},
                      {"split", *split},
                      {"labels", source.labels}});
      written.samples += numbers.size();
      ++written.pieces;
    } else {
      written.skipped.push_back({source.path.string(), split.error().message});
    }
    if (progress && progress(i + 1)) return fail("{}: stopped; nothing was kept", folder.string());
  }
  if (written.pieces == 0) {
    return fail("{}: none of {} files could be decoded{}", folder.string(), sources.size(),
                written.skipped.empty() ? "" : "; the first: " + written.skipped[0].reason);
  }
  // The table last: without it there is no set.
  std::filesystem::remove(folder / kTable, code);
  HEMIOLA_CHECK(out.commit());
  const Json table = {{"format", kFormat}, {"rate", kSoundRate}, {"pieces", std::move(rows)}};
  HEMIOLA_CHECK(write_text(folder / kTable, json_text(table) + "\n"));
  return written;
}

}  // namespace hemiola::audiolm
