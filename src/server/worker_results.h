// What workers answer, as it is kept and told: rows of the store, sound files. Each throws
// std::runtime_error where the answer is not what it should be.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "server/store.h"
#include "server/worker_pool.h"

namespace hemiola::server {

// What a piece is made of, as a worker hands it over: entry of "pieces" and the blobs of the call.
struct PieceMaker {
  std::string name;  // empty: what the worker suggests
  std::string parent;
  Json origin;
  Json recipe;
  std::string job;
  int variation = 0;
};
PieceRow piece_row(const Json& entry, const std::vector<CallBlob>& blobs, PieceMaker maker);

// A sound file that a worker sent: the entry's "blob".
Json sound_file_json(const Json& entry, const std::string& format,
                     const std::vector<CallBlob>& blobs);

}  // namespace hemiola::server
