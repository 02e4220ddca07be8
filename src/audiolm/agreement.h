// How far units of sound agree with labels that are known: a loop's chords, key, style, drum
// pattern, tempo. It says what units have learnt, not how good they sound.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/sound_set.h"

namespace hemiola::audiolm {

struct Agreement {
  std::size_t frames = 0, labels = 0, units = 0;  // that occur
  // Share of the frames whose label is the commonest one of their unit; it grows with the number of
  // units, so only figures of equally many may be compared.
  double purity = 0;
  double commonest = 0;  // share of the commonest label: the purity of a single unit
  // Mutual information over the mean of both entropies, 0 to 1.
  double information = 0;
};

// Units and labels of the same frames.
Agreement measure_agreement(std::span<const int> units, std::span<const int> labels);

// Labels of many pieces' frames, of each kind a number for each frame and piece after piece. Kinds:
// chord (of each half bar), root (of the chord), key, style, drums (the pattern), tempo.
class LoopLabels {
 public:
  // Adds `frames` frames of a loop of four bars; false, and nothing added, where the piece has not
  // all of these labels.
  bool add(const SoundPiece& piece, std::size_t frames);

  struct Kind {
    std::string name;
    std::vector<int> labels;
  };
  std::span<const Kind> kinds() const { return kinds_; }

 private:
  int number(std::size_t kind, const std::string& label);

  std::vector<Kind> kinds_ = {{"chord", {}}, {"root", {}},  {"key", {}},
                              {"style", {}}, {"drums", {}}, {"tempo", {}}};
  std::vector<std::map<std::string, int>> numbers_ = std::vector<std::map<std::string, int>>(6);
};

}  // namespace hemiola::audiolm
