// From a piece to training documents: token sequences that fit the context. The mixture:
//   - A piece that fits is mostly one document, whole. Any other is cut into windows, each as many
//     whole bars as fit, the first cut drawn anew in every pass; so the model sees starts, middles
//     and ends under their true names, and going on from any bar is what it learns throughout.
//   - In a share of the documents some bars of some tracks are holes to be filled (infilling): a
//     stretch of bars in all tracks, in some, a whole track (accompaniment), or scattered cells.
//   - A share carries control words before the music (styles, density, polyphony and range of each
//     track), each told or kept back at random; the rest is plain. How many bars are left is told
//     in most.
//   - A share states the chords that the notes make, of bars or half bars, all or some.
//   - Before that, the piece is moved to another key, made louder or softer, faster or slower.
// Everything is drawn from the generator that is given, and depends on nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "score/grid_score.h"
#include "tokens/tokenizer.h"

namespace hemiola::data {

struct Mixture {
  double cut_short = 0.15;    // of pieces that fit, how many are cut in two all the same
  double infill = 0.25;       // of documents
  double controls = 0.5;      // of documents
  double tell_control = 0.6;  // of a document's controls, each
  double chords = 0.3;        // of documents
  double count_bars = 0.85;   // of documents

  int transpose_down = 6, transpose_up = 5;  // semitones, at most
  int velocity_classes = 1;                  // up or down, at most
  int tempo_classes = 2;
  bool augment = true;   // false: none of the three
  bool flatten = false;  // all pitched tracks as one piano track
};

struct Document {
  std::vector<tokens::Token> ids;
};

// Appends the documents of one piece, each of at most `length` + 1 tokens (its last one is only
// ever a target). A bar that alone is longer is cut.
Status make_documents(const GridScore& piece, const std::vector<std::string>& styles,
                      const tokens::Tokenizer& tokenizer, const Mixture& mixture, int length,
                      Rng& rng, std::vector<Document>& out);

}  // namespace hemiola::data
