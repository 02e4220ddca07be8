#include "server/worker_results.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace hemiola::server {
namespace {

const CallBlob& blob_of(const Json& entry, const char* name, const std::vector<CallBlob>& blobs) {
  const Json index = entry.value(name, Json());
  if (!index.is_number_unsigned() || index.get<std::size_t>() >= blobs.size()) {
    throw std::runtime_error(fmt::format("a worker's answer lacks its {}", name));
  }
  return blobs[index.get<std::size_t>()];
}

std::string sound_type(const std::string& format) {
  return format == "wav"    ? "audio/wav"
         : format == "flac" ? "audio/flac"
         : format == "ogg"  ? "audio/ogg"
                            : "audio/mpeg";
}

}  // namespace

Json sound_file_json(const Json& entry, const std::string& format,
                     const std::vector<CallBlob>& blobs) {
  const CallBlob& blob = blob_of(entry, "blob", blobs);
  return {{"blob", blob.info.hash},
          {"url", "/api/v1/blobs/" + blob.info.hash},
          {"bytes", blob.info.bytes},
          {"media_type", sound_type(format)}};
}

PieceRow piece_row(const Json& entry, const std::vector<CallBlob>& blobs, PieceMaker maker) {
  const Json summary = entry.value("summary", Json());
  const Json timing = entry.value("timing", Json());
  if (!summary.is_object() || !timing.is_object() ||
      !summary.value("suggested_name", Json()).is_string()) {
    throw std::runtime_error("a worker's answer lacks its summary");
  }
  PieceRow row;
  row.id = new_id();
  row.name =
      !maker.name.empty() ? std::move(maker.name) : summary["suggested_name"].get<std::string>();
  row.parent = std::move(maker.parent);
  row.created = utc_now();
  row.origin = std::move(maker.origin);
  row.recipe = std::move(maker.recipe);
  row.novelty = entry.value("novelty", Json());
  row.summary = summary;
  row.timing = timing;
  row.midi = blob_of(entry, "midi", blobs).info.hash;
  row.view = blob_of(entry, "view", blobs).info.hash;
  row.job = std::move(maker.job);
  row.variation = maker.variation;
  return row;
}

}  // namespace hemiola::server
