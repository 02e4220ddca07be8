#include "compare/make_sets.h"

#include <chrono>

#include "base/rng.h"
#include "compare/anchors.h"
#include "data/source.h"
#include "midi/writer.h"
#include "score/to_midi.h"

namespace hemiola::compare {
namespace {

constexpr int kBars = 4;  // of a loop
constexpr std::size_t kReferenceTimes = 4;

// Seeds of the parts: each set depends on its own.
std::uint64_t seed_of(const CompareOptions& options, std::string_view set, std::size_t index = 0) {
  std::uint64_t seed = mix64(options.seed);
  for (const char c : set) seed = mix64(seed ^ static_cast<unsigned char>(c));
  return mix64(seed + index);
}

class Maker {
 public:
  explicit Maker(const Material& material) : m_(material) {}

  Result<std::vector<NamedSet>> make() {
    HEMIOLA_CHECK(share_out());
    HEMIOLA_CHECK(add("reference", reference_.size(), copy_loops(reference_)));
    HEMIOLA_CHECK(add("real", real_.size(), copy_loops(real_)));
    for (const LoopEntry& loop : real_) {
      HEMIOLA_TRY(const data::Source source,
                  data::read_source(m_.loops.folder / (loop.name + ".mid")));
      scores_.push_back(source.grid());
    }
    if (m_.codec != nullptr) {
      HEMIOLA_CHECK(add("codec", real_.size(), each([&](std::size_t i) { return worn(i); })));
    }
    shuffled_ = shuffle_bars(scores_, seed_of(m_.options, "shuffled"));
    HEMIOLA_CHECK(add("shuffled", real_.size(),
                      each([&](std::size_t i) { return piece_of_grid(shuffled_[i]); })));
    HEMIOLA_CHECK(add("random", real_.size(), each([&](std::size_t i) { return random(i); })));
    HEMIOLA_CHECK(add_ngram());
    HEMIOLA_CHECK(add("symbolic", m_.options.count, [&](std::size_t first, std::size_t count) {
      return symbolic(first, count);
    }));
    if (m_.generator != nullptr) {
      HEMIOLA_CHECK(add("audiolm", m_.options.count, each([&](std::size_t i) { return made(i); })));
    } else if (!m_.options.audiolm_sounds.empty()) {
      HEMIOLA_CHECK(add_audiolm_sounds());
    }
    return std::move(sets_);
  }

 private:
  // Which held-out loops are the reference and which the real set.
  Status share_out() {
    std::vector<LoopEntry> held_out = m_.loops.held_out;
    Rng rng(seed_of(m_.options, "halves"));
    rng.shuffle(std::span(held_out));
    const std::size_t real = std::min(m_.options.count, held_out.size() / 2);
    if (real < 2) {
      return fail("{}: only {} loops are held out; make more of them", m_.loops.folder.string(),
                  held_out.size());
    }
    const std::size_t reference = std::min(held_out.size() - real, kReferenceTimes * real);
    real_.assign(held_out.begin(), held_out.begin() + static_cast<std::ptrdiff_t>(real));
    reference_.assign(held_out.begin() + static_cast<std::ptrdiff_t>(real),
                      held_out.begin() + static_cast<std::ptrdiff_t>(real + reference));
    return {};
  }

  Status add(const std::string& name, std::size_t count, const MakeBatch& make) {
    MakeOptions making;
    making.count = count;
    making.progress = [&](std::size_t done) {
      return m_.options.progress && m_.options.progress("making " + name, done, count);
    };
    auto set = make_set(m_.options.out / "sets" / name, making, make, m_.pool);
    if (!set) return fail(std::move(set.error()).within(name));
    sets_.push_back({name, *std::move(set), {}});
    return {};
  }

  // A batch of pieces that are made one by one.
  template <class Make>
  MakeBatch each(Make make) {
    return [make](std::size_t first, std::size_t count) -> Result<MadeBatch> {
      MadeBatch batch;
      const auto start = std::chrono::steady_clock::now();
      for (std::size_t i = first; i < first + count; ++i) {
        HEMIOLA_TRY(MadePiece piece, make(i));
        batch.pieces.push_back(std::move(piece));
      }
      batch.seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      return batch;
    };
  }

  MakeBatch copy_loops(const std::vector<LoopEntry>& loops) {
    return each([this, &loops](std::size_t i) -> Result<MadePiece> {
      MadePiece piece;
      const Path path = m_.loops.folder / loops[i].name;
      HEMIOLA_TRY(piece.notes, read_file(path.string() + ".mid"));
      auto sound = read_file(path.string() + ".flac");
      if (!sound) {
        return fail("{}; hemiola dataset loops --audio writes the sound", sound.error().message);
      }
      piece.flac = *std::move(sound);
      HEMIOLA_TRY(const data::Source source, data::source_from_midi(piece.notes));
      piece.length = nominal_length(source.grid());
      return piece;
    });
  }

  static Result<MadePiece> piece_of_grid(const GridScore& grid) {
    MadePiece piece;
    HEMIOLA_TRY(piece.file, midi_from_grid(grid));
    piece.notes = midi::write(piece.file);
    piece.length = nominal_length(grid);
    return piece;
  }

  Result<MadePiece> random(std::size_t i) const {
    Rng rng(seed_of(m_.options, "random", i));
    HEMIOLA_TRY(const Score score, random_notes(scores_[i], rng));
    MadePiece piece;
    piece.file = midi_from_score(score);
    piece.notes = midi::write(piece.file);
    piece.length = nominal_length(scores_[i]);
    return piece;
  }

  // A real loop's sound through the codec and back.
  Result<MadePiece> worn(std::size_t i) const {
    const Path path = m_.loops.folder / (real_[i].name + ".flac");
    HEMIOLA_TRY(const std::vector<float> samples, evaluate::load_sound(path));
    MadePiece piece;
    const auto codes =
        audiolm::first_codes(m_.codec->encode(samples), m_.codec->shape().quantizers, m_.heard);
    piece.sound = Audio{kSoundRate, 1, m_.codec->decode(codes, m_.heard)};
    piece.sound->samples.resize(samples.size());
    return piece;
  }

  // As long as a real loop.
  Result<MadePiece> made(std::size_t i) const {
    audiolm::SoundRequest request;
    request.seconds = nominal_length(scores_[i % scores_.size()]).count();
    request.seed = seed_of(m_.options, "audiolm", i);
    request.sampling = m_.generator->sampling();
    audiolm::SoundCallbacks callbacks;
    callbacks.sound = [&](std::span<const float>, double) {
      return !m_.options.progress || !m_.options.progress("making audiolm", i, m_.options.count);
    };
    HEMIOLA_TRY(audiolm::WrittenSound written, m_.generator->generate(request, callbacks));
    if (!written.complete) return fail("stopped; the same command goes on from here");
    MadePiece piece;
    written.samples.resize(static_cast<std::size_t>(request.seconds * kSoundRate));
    piece.sound = Audio{kSoundRate, 1, std::move(written.samples)};
    return piece;
  }

  Status add_ngram() {
    std::optional<NgramWriter> writer;
    return add("ngram", m_.options.count,
               [&](std::size_t first, std::size_t count) -> Result<MadeBatch> {
                 if (!writer) HEMIOLA_CHECK(learn(writer));
                 return each([&](std::size_t i) -> Result<MadePiece> {
                   HEMIOLA_TRY(const GridScore grid,
                               writer->write(kBars, seed_of(m_.options, "ngram", i)));
                   return piece_of_grid(grid);
                 })(first, count);
               });
  }

  Status learn(std::optional<NgramWriter>& writer) const {
    writer.emplace(m_.composer.tokenizer(), m_.options.ngram_order);
    for (const LoopEntry& loop : m_.loops.training) {
      HEMIOLA_TRY(const data::Source source,
                  data::read_source(m_.loops.folder / (loop.name + ".mid")));
      HEMIOLA_CHECK(writer->learn(source.grid()));
    }
    writer->finish();
    return {};
  }

  Result<MadeBatch> symbolic(std::size_t first, std::size_t count) {
    GenerateRequest request;
    request.bars = kBars;
    request.count = static_cast<int>(count);
    request.seed = seed_of(m_.options, "symbolic", first) >> 1;
    if (m_.options.styles) {
      // As often as they are among held-out loops; batches share a style.
      request.controls.style =
          m_.loops.held_out[seed_of(m_.options, "style", first) % m_.loops.held_out.size()].style;
    }
    GenerateCallbacks callbacks;
    callbacks.cancelled = [&] {
      return m_.options.progress && m_.options.progress("making symbolic", first, m_.options.count);
    };
    MadeBatch batch;
    const auto start = std::chrono::steady_clock::now();
    std::optional<Error> left_out;
    callbacks.left_out = [&](int, const Error& why) { left_out = why; };
    HEMIOLA_TRY(const auto pieces, m_.composer.generate(request, callbacks));
    if (left_out) return fail(*std::move(left_out));
    batch.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const WrittenPiece& written : pieces) {
      HEMIOLA_TRY(MadePiece piece, piece_of_grid(written.grid));
      batch.pieces.push_back(std::move(piece));
    }
    return batch;
  }

  Status add_audiolm_sounds() {
    HEMIOLA_TRY(auto files,
                evaluate::list_files(m_.options.audiolm_sounds, evaluate::is_sound_name));
    std::vector<std::string> left_out;
    if (files.size() > m_.options.count) {
      left_out.push_back(
          fmt::format("{} more files than were asked for", files.size() - m_.options.count));
      files.resize(m_.options.count);
    }
    const MakeBatch load = each([&](std::size_t i) -> Result<MadePiece> {
      HEMIOLA_TRY(auto samples, evaluate::load_sound(files[i]));
      // No longer than a loop, so that all sets have about as much sound.
      const double longest = nominal_length(scores_[i % scores_.size()]).count();
      samples.resize(std::min(samples.size(), static_cast<std::size_t>(longest * kSoundRate)));
      MadePiece piece;
      piece.sound = Audio{kSoundRate, 1, std::move(samples)};
      return piece;
    });
    HEMIOLA_CHECK(add("audiolm", files.size(),
                      [&](std::size_t first, std::size_t count) -> Result<MadeBatch> {
                        HEMIOLA_TRY(MadeBatch batch, load(first, count));
                        batch.seconds = 0;  // how long it took to make is not known here
                        return batch;
                      }));
    sets_.back().left_out = std::move(left_out);
    return {};
  }

  const Material& m_;
  std::vector<LoopEntry> reference_, real_;
  std::vector<GridScore> scores_, shuffled_;  // of the real set
  std::vector<NamedSet> sets_;
};

}  // namespace

Result<std::vector<NamedSet>> make_sets(const Material& material) { return Maker(material).make(); }

Result<PieceSet> make_known_set(const Material& material) {
  const auto& training = material.loops.training;
  const std::size_t count = std::min(material.options.known, training.size());
  MakeOptions making;
  making.count = count;
  making.batch = 64;
  making.progress = [&](std::size_t done) {
    return material.options.progress &&
           material.options.progress("gathering training loops", done, count);
  };
  // Evenly over the folder.
  return make_set(
      material.options.out / "known", making,
      [&](std::size_t first, std::size_t batch_count) -> Result<MadeBatch> {
        MadeBatch batch;
        for (std::size_t i = first; i < first + batch_count; ++i) {
          MadePiece& piece = batch.pieces.emplace_back();
          const std::string& name = training[i * training.size() / count].name;
          HEMIOLA_TRY(piece.flac, read_file(material.loops.folder / (name + ".flac")));
        }
        return batch;
      },
      material.pool);
}

}  // namespace hemiola::compare
