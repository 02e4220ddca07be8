// A process that does one task for the server and ends: everything that opens bytes from outside
// happens in one. It opens what it needs (model, training data), is held apart, says "ready", waits
// for its request, and says "begun" when it has all of it and has opened nothing of it: one that
// dies before did not die of it.
#pragma once

#include "base/files.h"
#include "base/result.h"

namespace hemiola::worker {

struct Options {
  int connection = 0;  // file descriptor, both ways
  Path model;          // empty: none; this worker does not write music
  std::string model_hash;
  Path training;     // data set to compare with; empty: none
  Path soundfont;    // empty: none
  Path transcriber;  // its weights; empty: none
  Path audiolm;      // its folder; empty: none
  Path temp = "/tmp";
  int threads = 0;  // of the engine; 0: all processors
};

Result<int> run(const Options& options);

}  // namespace hemiola::worker
