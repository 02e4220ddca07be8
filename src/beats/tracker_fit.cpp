// Fits the network of tracker_evidence.cpp and writes tracker_weights.cpp:
//   tracker_fit OUT.cpp [--most N] [--passes P] FOLDER...
// Reads written music (N MIDI files of each folder at most, evenly chosen), plays it as a person
// might (tracker_perform.h), and learns at which level of the bar each chord stands. A tenth of the
// pieces is kept back to measure. The same arguments and files give the same weights.
//
// The weights in the repository come from (--most 1500 --passes 10, the folders piano and
// multitrack of the shared data): OpenScore Lieder and Quartets (CC0), Mutopia (public domain and
// CC BY), OpenEWLD (public domain), NIFC Chopin first editions and Polish scores (CC BY 4.0, The
// Fryderyk Chopin Institute), JS Fake Chorales (CC BY 4.0, Omar Peracha), Freedoom (BSD-3).
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "base/rng.h"
#include "beats/alignment.h"
#include "beats/tracker_perform.h"
#include "beats/tracker_weights.h"
#include "midi/reader.h"
#include "score/from_midi.h"

namespace {

using namespace hemiola;
using namespace hemiola::tracker;

struct Piece {
  std::vector<Features> features;
  std::vector<Level> levels;  // of each chord: the commonest of its notes
};

// One chord of one piece.
struct Example {
  std::uint32_t piece, chord;
};

bool is_tempo_invented(const Score& score) {
  return score.tempos.empty() ||
         (score.tempos.size() == 1 && score.tempos.front().microseconds_per_quarter == 600000);
}

Result<Piece> read_piece(const Path& path, Rng& rng) {
  HEMIOLA_TRY(const Bytes bytes, read_file(path));
  HEMIOLA_TRY(const midi::File file, midi::read(bytes));
  HEMIOLA_TRY(const Score score, score_from_midi(file));
  if (score.metres.empty() || !measure_alignment(score).is_aligned()) return fail("no metre");
  PerformOptions options;
  options.invent_tempo = is_tempo_invented(score);
  HEMIOLA_TRY(const Performance played, perform(score, options, rng));
  const std::vector<Chord> chords = find_chords(played.notes);
  Piece piece;
  piece.features = chord_features(played.notes, chords);
  for (const Chord& chord : chords) {
    std::array<int, kLevels> votes{};
    for (int i = 0; i < chord.size; ++i) {
      ++votes[played.levels[chord.first_note + static_cast<std::size_t>(i)]];
    }
    piece.levels.push_back(
        static_cast<Level>(std::max_element(votes.begin(), votes.end()) - votes.begin()));
  }
  return piece;
}

std::vector<Path> midi_files(const Path& folder, std::size_t most) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".mid") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  if (files.size() <= most) return files;
  std::vector<Path> chosen;
  for (std::size_t i = 0; i < most; ++i) chosen.push_back(files[i * files.size() / most]);
  return chosen;
}

constexpr std::size_t kInputs = (2 * kNeighbours + 1) * kFeatures;

class Network {
 public:
  explicit Network(Rng& rng) {
    for (auto& matrix : at_.hidden) {
      for (auto& row : matrix) {
        for (float& value : row) value = draw(rng, std::sqrt(6.0 / (kInputs + kHidden)));
      }
    }
    for (auto& row : at_.output) {
      for (float& value : row) value = draw(rng, std::sqrt(6.0 / (kHidden + kLevels)));
    }
  }

  // The features' means and spreads, and how common each level is.
  void measure(std::span<const Piece> pieces, std::span<const Example> examples) {
    std::array<double, kFeatures> sum{}, squares{};
    std::array<double, kLevels> count{};
    for (const Example& e : examples) {
      const Features& row = pieces[e.piece].features[e.chord];
      for (std::size_t k = 0; k < kFeatures; ++k) {
        sum[k] += row[k];
        squares[k] += double{row[k]} * double{row[k]};
      }
      count[pieces[e.piece].levels[e.chord]] += 1;
    }
    const auto n = static_cast<double>(examples.size());
    for (std::size_t k = 0; k < kFeatures; ++k) {
      const double mean = sum[k] / n;
      at_.mean[k] = static_cast<float>(mean);
      at_.inverse_spread[k] =
          static_cast<float>(1 / std::sqrt(std::max(1e-3, squares[k] / n - mean * mean)));
    }
    for (std::size_t level = 0; level < kLevels; ++level) {
      at_.log_share[level] = static_cast<float>(std::log(std::max(1.0, count[level]) / n));
    }
  }

  // Adds the gradient of one example's loss; returns the loss, in nats.
  double learn(const Piece& piece, std::size_t chord, Weights* gradient) const {
    std::array<float, kInputs> inputs{};
    const auto n = static_cast<std::ptrdiff_t>(piece.features.size());
    for (std::ptrdiff_t o = 0; o <= 2 * kNeighbours; ++o) {
      const std::ptrdiff_t i = static_cast<std::ptrdiff_t>(chord) + o - kNeighbours;
      if (i < 0 || i >= n) continue;
      const Features& row = piece.features[static_cast<std::size_t>(i)];
      for (std::size_t k = 0; k < kFeatures; ++k) {
        inputs[static_cast<std::size_t>(o) * kFeatures + k] =
            (row[k] - at_.mean[k]) * at_.inverse_spread[k];
      }
    }
    std::array<float, kHidden> hidden = at_.hidden_bias;
    for (std::size_t i = 0; i < kInputs; ++i) {
      const auto& row = at_.hidden[i / kFeatures][i % kFeatures];
      for (std::size_t h = 0; h < kHidden; ++h) hidden[h] += row[h] * inputs[i];
    }
    std::array<float, kLevels> out = at_.bias;
    for (std::size_t h = 0; h < kHidden; ++h) {
      if (hidden[h] <= 0) continue;
      for (std::size_t l = 0; l < kLevels; ++l) out[l] += at_.output[h][l] * hidden[h];
    }
    const float highest = *std::max_element(out.begin(), out.end());
    float total = 0;
    for (float& value : out) total += value = std::exp(value - highest);
    const std::size_t truth = piece.levels[chord];
    const double loss = -std::log(std::max(1e-9, double{out[truth]} / double{total}));
    if (gradient == nullptr) return loss;
    for (float& value : out) value /= total;
    out[truth] -= 1;
    std::array<float, kHidden> back{};
    for (std::size_t h = 0; h < kHidden; ++h) {
      if (hidden[h] <= 0) continue;
      for (std::size_t l = 0; l < kLevels; ++l) {
        back[h] += at_.output[h][l] * out[l];
        gradient->output[h][l] += out[l] * hidden[h];
      }
      gradient->hidden_bias[h] += back[h];
    }
    for (std::size_t l = 0; l < kLevels; ++l) gradient->bias[l] += out[l];
    for (std::size_t i = 0; i < kInputs; ++i) {
      auto& row = gradient->hidden[i / kFeatures][i % kFeatures];
      for (std::size_t h = 0; h < kHidden; ++h) row[h] += back[h] * inputs[i];
    }
    return loss;
  }

  Weights& weights() { return at_; }

 private:
  static float draw(Rng& rng, double range) {
    return static_cast<float>(range * (2 * rng.uniform() - 1));
  }

  Weights at_{};
};

// Adam (Kingma and Ba 2014) with weights that decay, in the numbers that are learnt.
class Optimiser {
 public:
  void step(Weights& weights, Weights& gradient, double batch, double rate) {
    ++steps_;
    const double fade1 = 1 - std::pow(0.9, steps_), fade2 = 1 - std::pow(0.999, steps_);
    auto* value = reinterpret_cast<float*>(&weights);
    const auto* slope = reinterpret_cast<const float*>(&gradient);
    constexpr std::size_t kBegin = 2 * kFeatures, kEnd = kWeights - kLevels;
    for (std::size_t i = kBegin; i < kEnd; ++i) {
      const double g = double{slope[i]} / batch;
      first_[i] = 0.9 * first_[i] + 0.1 * g;
      second_[i] = 0.999 * second_[i] + 0.001 * g * g;
      const double move = first_[i] / fade1 / (std::sqrt(second_[i] / fade2) + 1e-8);
      value[i] -= static_cast<float>(rate * (move + 0.01 * double{value[i]}));
    }
  }

 private:
  int steps_ = 0;
  std::vector<double> first_ = std::vector<double>(kWeights, 0);
  std::vector<double> second_ = std::vector<double>(kWeights, 0);
};

double mean_loss(const Network& network, std::span<const Piece> pieces,
                 std::span<const Example> examples) {
  double sum = 0;
  for (const Example& e : examples) sum += network.learn(pieces[e.piece], e.chord, nullptr);
  return examples.empty() ? 0 : sum / static_cast<double>(examples.size());
}

Status write_weights(const Path& path, const Weights& weights) {
  const auto numbers = std::bit_cast<std::array<float, kWeights>>(weights);
  std::string text =
      "// Written by tracker_fit: the numbers of tracker_weights.h in their order, in 1024ths.\n"
      "// One long table, which nobody edits: it is not split.\n"
      "#include \"beats/tracker_weights.h\"\n\nnamespace hemiola::tracker {\n\n"
      "// clang-format off\nconst std::array<std::int16_t, kWeights> kEvidenceWeights = {\n";
  std::string line = "   ";
  for (const float number : numbers) {
    const std::string word =
        fmt::format(" {},", std::clamp(std::lround(number * 1024), -32767L, 32767L));
    if (line.size() + word.size() > 100) text += line + "\n", line = "   ";
    line += word;
  }
  text += line + "\n};\n// clang-format on\n\n}  // namespace hemiola::tracker\n";
  return write_text(path, text);
}

Status fit(const Path& out, std::span<const Path> folders, std::size_t most, int passes) {
  std::vector<Piece> pieces;
  std::vector<Example> examples, kept_back;
  for (const Path& folder : folders) {
    std::size_t used = 0;
    for (const Path& path : midi_files(folder, most)) {
      const auto digest = Sha256().update(path.filename().string()).finish();
      Rng rng(digest[0] + 256u * digest[1] + 65536u * digest[2]);
      auto piece = read_piece(path, rng);
      if (!piece) continue;
      ++used;
      const auto index = static_cast<std::uint32_t>(pieces.size());
      auto& into = digest[3] % 10 == 0 ? kept_back : examples;
      for (std::uint32_t i = 0; i < piece->levels.size(); ++i) into.push_back({index, i});
      pieces.push_back(std::move(*piece));
    }
    fmt::print("{}: {} pieces\n", folder.string(), used);
  }
  if (examples.size() < 10000) return fail("{} chords are too few to learn from", examples.size());
  fmt::print("{} chords, {} more kept back\n", examples.size(), kept_back.size());

  Rng rng(1);
  Network network(rng);
  network.measure(pieces, examples);
  Optimiser optimiser;
  constexpr std::size_t kBatch = 512;
  const std::size_t steps = examples.size() / kBatch * static_cast<std::size_t>(passes);
  std::size_t step = 0;
  for (int pass = 0; pass < passes; ++pass) {
    rng.shuffle(std::span(examples));
    double loss = 0;
    for (std::size_t begin = 0; begin + kBatch <= examples.size(); begin += kBatch, ++step) {
      Weights gradient{};
      for (std::size_t i = begin; i < begin + kBatch; ++i) {
        loss += network.learn(pieces[examples[i].piece], examples[i].chord, &gradient);
      }
      const double part = static_cast<double>(step) / static_cast<double>(steps);
      const double rate = 1.5e-3 * (1 + std::cos(3.14159265358979 * part)) + 1e-5;
      optimiser.step(network.weights(), gradient, kBatch, rate);
    }
    fmt::print("pass {}: {:.4f} nats a chord, {:.4f} on pieces kept back\n", pass + 1,
               loss / static_cast<double>(examples.size() / kBatch * kBatch),
               mean_loss(network, pieces, kept_back));
    std::fflush(stdout);
  }
  return write_weights(out, network.weights());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Path> folders;
  std::size_t most = 600;
  int passes = 12;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--most" && i + 1 < argc) {
      most = std::stoul(argv[++i]);
    } else if (word == "--passes" && i + 1 < argc) {
      passes = std::stoi(argv[++i]);
    } else {
      folders.emplace_back(word);
    }
  }
  if (folders.empty()) {
    std::fputs("usage: tracker_fit OUT.cpp [--most N] [--passes P] FOLDER...\n", stderr);
    return 2;
  }
  const Status status = fit(argv[1], folders, most, passes);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
