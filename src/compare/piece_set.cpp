#include "compare/piece_set.h"

#include <chrono>

#include "audio/loop_audio.h"
#include "base/hash.h"
#include "base/json.h"

namespace hemiola::compare {
namespace {

using Clock = std::chrono::steady_clock;

Status write_piece(const Path& folder, std::size_t index, MadePiece& piece, double& seconds) {
  const std::string name = piece_name(index);
  if (!piece.notes.empty()) {
    HEMIOLA_CHECK(write_file(folder / "notes" / (name + ".mid"), piece.notes));
  }
  const Path path = folder / "sound" / (name + ".flac");
  if (!piece.flac.empty()) return write_file(path, piece.flac);
  if (piece.sound) {
    HEMIOLA_CHECK(normalise_loudness(*piece.sound));
  } else {
    HEMIOLA_TRY(piece.sound, synthesise_loop(piece.file, piece.length, kSoundRate));
  }
  seconds = piece.sound->length().count();
  return write_audio(path, *piece.sound);
}

Status make_batch(const Path& folder, std::size_t first, std::size_t count, const MakeBatch& make,
                  engine::ThreadPool& pool, const Path& record) {
  HEMIOLA_TRY(MadeBatch batch, make(first, count));
  const auto start = Clock::now();
  std::vector<Status> results(batch.pieces.size());
  std::vector<double> lengths(batch.pieces.size());
  pool.run(static_cast<int>(batch.pieces.size()), [&](int i, int) {
    const auto k = static_cast<std::size_t>(i);
    MadePiece& piece = batch.pieces[k];
    lengths[k] = piece.length.count();
    results[k] = write_piece(folder, first + k, piece, lengths[k]);
  });
  double music = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) {
      return fail(std::move(results[i].error()).within((folder / piece_name(first + i)).string()));
    }
    music += lengths[i];
  }
  const Json json = {
      {"pieces", batch.pieces.size()},
      {"music_seconds", music},
      {"writing_seconds", batch.seconds},
      {"sound_seconds", std::chrono::duration<double>(Clock::now() - start).count()}};
  return write_text(record, json_text(json) + "\n");
}

}  // namespace

std::string piece_name(std::size_t index) { return fmt::format("{:03}", index + 1); }

Result<PieceSet> make_set(const Path& folder, const MakeOptions& options, const MakeBatch& make,
                          engine::ThreadPool& pool) {
  PieceSet set;
  set.folder = folder;
  std::error_code code;
  std::filesystem::create_directories(set.sound(), code);
  if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
  for (std::size_t first = 0; first < options.count; first += options.batch) {
    if (options.progress && options.progress(first)) {
      return fail("stopped; the same command goes on from here");
    }
    const std::size_t count = std::min(options.batch, options.count - first);
    const Path record = folder / "made" / fmt::format("{:03}.json", first / options.batch);
    if (!std::filesystem::exists(record, code)) {
      HEMIOLA_CHECK(make_batch(folder, first, count, make, pool, record));
    }
    HEMIOLA_TRY(const std::string text, read_text(record));
    HEMIOLA_TRY(const Json json, parse_json(text, record.string()));
    if (!json.is_object() || json.value("pieces", std::size_t{0}) != count) {
      return fail("{}: not the record of {} pieces; remove it to make them again", record.string(),
                  count);
    }
    set.pieces += count;
    set.music_seconds += json.value("music_seconds", 0.0);
    set.writing_seconds += json.value("writing_seconds", 0.0);
    set.sound_seconds += json.value("sound_seconds", 0.0);
  }
  Sha256 hash;
  for (std::size_t i = 0; i < set.pieces; ++i) {
    for (const Path& path :
         {set.notes() / (piece_name(i) + ".mid"), set.sound() / (piece_name(i) + ".flac")}) {
      if (!std::filesystem::exists(path, code)) continue;
      HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
      hash.update(file.bytes());
    }
  }
  set.sha256 = to_hex(hash.finish());
  return set;
}

}  // namespace hemiola::compare
