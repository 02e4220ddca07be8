// Is this sound new? Compared with the training pieces of a set of sounds in two ways: the same
// codes of a neural codec (a copy of the sound as it is), and windows of two seconds whose semantic
// features lie nearer to a training piece's than those of music that was held out (the same music
// again, shifted in time, louder, noisy, encoded anew). Transposed or faster copies are not looked
// for: novelty of notes finds those (data/novelty.h).
//
// The training pieces' windows stand in an index, from which no sound can be heard again.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/codec.h"
#include "audiolm/generator.h"
#include "audiolm/semantic.h"
#include "audiolm/sound_set.h"
#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time_units.h"

namespace hemiola::evaluate {

struct SoundIndexOptions {
  int threads = 0;  // 0: one for each processor
  // Pieces done, and of how many; true ends the work with an error.
  std::function<bool(std::size_t, std::size_t)> progress{};
};

class SoundIndex {
 public:
  static constexpr std::size_t kPart = 12, kParts = 4;  // frames of 40 ms; parts of a window
  static constexpr std::size_t kWindow = kPart * kParts;
  static constexpr std::size_t kAxes = 32;  // principal ones of the features, kept of each part
  static constexpr std::size_t kNumbers = kParts * kAxes;
  static constexpr int kHashed = 2;  // the codec's first quantizers, whose codes are hashed

  // Of the pieces whose split is "train"; those of "validation" decide what is near: half a percent
  // of their windows lie as near to a training window as the threshold. With no codec, codes are
  // not compared. Fails where one of the splits has no window.
  static Result<SoundIndex> build(const audiolm::SoundSet& sounds,
                                  const audiolm::SemanticEncoder& encoder,
                                  const audiolm::Codec* codec,
                                  const SoundIndexOptions& options = {});

  static Result<SoundIndex> load(const Path& path);
  // `where` starts each message.
  static Result<SoundIndex> parse(std::span<const std::uint8_t> bytes, std::string_view where);
  Status write(const Path& path) const;

  std::size_t pieces() const { return pieces_.size(); }
  std::size_t windows() const { return places_.size(); }
  double threshold() const { return threshold_; }
  // SHA-256 of the files of the encoder and, if there was one, the codec that it was made with.
  const std::string& semantic_sha256() const { return semantic_; }
  const std::string& codec_sha256() const { return codec_; }

 private:
  friend class SoundComparison;
  struct Piece {
    std::string name;
    std::string codes;  // SHA-256 in hexadecimal; empty without a codec
  };
  struct Place {
    std::uint32_t piece, frame;
  };
  // Windows of a sound, one beginning every `hop` frames, and the one that ends with the sound;
  // silent ones are left out.
  struct Described {
    std::vector<float> numbers;       // (windows, kNumbers), of length 1
    std::vector<std::size_t> frames;  // where each window begins
  };
  Described describe(std::span<const float> features, std::span<const float> sound,
                     std::size_t hop) const;
  // For each window the nearest of the index: its number and 1 less the cosine between both.
  struct Near {
    std::size_t window = 0;
    double distance = 2;
  };
  std::vector<Near> nearest(const Described& described) const;
  void keep(std::span<const float> window);
  Status make_search();  // of the windows that are kept

  std::vector<Piece> pieces_;
  std::vector<Place> places_;           // of each window
  // (windows, kNumbers) whole numbers, and of each window what they are multiples of: vectors of
  // length 1, but for rounding.
  std::vector<std::int8_t> windows_;
  std::vector<float> scales_;
  std::vector<float> mean_;             // (dimensions) of the features
  std::vector<float> axes_;             // (kAxes, dimensions)
  std::vector<engine::Linear> search_;  // one, over windows_
  double threshold_ = 0;
  std::string semantic_, codec_;
};

struct SoundNovelty {
  bool exact_codes = false;  // the same codes as those of a training piece
  std::string exact_piece;
  struct Nearest {
    std::string piece;
    Seconds at{0}, own{0};  // where the window begins, there and here
    double distance = 2;    // 1 less the cosine: 0 the same, 2 the opposite
  } nearest;
  double threshold = 0;  // windows nearer than that count as copied
  double copied = 0;     // share of the sound, silence aside, that lies in such windows
  std::size_t windows = 0;

  bool is_copy() const { return exact_codes || copied > kCopied; }
  static constexpr double kCopied = 0.5;
};

// `sound`: one channel at 16 kHz. The encoder, and the codec if given, must be those that the index
// was made with. Fails on sound of less than a window.
Result<SoundNovelty> sound_novelty(std::span<const float> sound, const SoundIndex& index,
                                   const audiolm::SemanticEncoder& encoder,
                                   const audiolm::Codec* codec);

// The index that stands in a bundle of AudioLM beside its parts; nullopt: none. Fails where it was
// made with another encoder than this one of the bundle.
Result<std::optional<SoundIndex>> bundled_index(const Path& bundle,
                                                const audiolm::SemanticEncoder& encoder);

// Of what a bundle's generator made, by that bundle's index. Nullopt where there is none, or less
// than a window of sound that is not silent.
std::optional<SoundNovelty> novelty_of_made(std::span<const float> sound,
                                            const std::optional<SoundIndex>& index,
                                            const audiolm::Generator& generator);

Json to_json(const SoundNovelty& novelty);

}  // namespace hemiola::evaluate
