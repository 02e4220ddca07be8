// What a worker can be asked to do. Each task gets the request and its blobs and gives the message
// that ends it; blobs that it sends on the way are numbered in the order of sending, from 0.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "audiolm/generator.h"
#include "compose/generate.h"
#include "compose/listen.h"
#include "data/dataset.h"
#include "evaluate/sound_novelty.h"
#include "worker/channel.h"

namespace hemiola::worker {

// What a worker opened before it was held apart.
struct Equipment {
  std::optional<Composer> composer;  // only a worker for music
  std::string model_name, model_hash;
  std::optional<data::Dataset> training;  // to compare with
  std::optional<Transcriber> transcriber;
  std::optional<audiolm::Generator> waveforms;  // only a worker for waveforms
  std::optional<evaluate::SoundIndex> sounds;   // what these were trained on
  Path soundfont;                               // empty: none
  Path temp;                                    // a folder it may write to
};

class Task {
 public:
  Task(const Equipment& equipment, Channel& channel, Request request)
      : equipment_(equipment), channel_(channel), request_(std::move(request)) {}

  Result<Json> run();

 private:
  Result<Json> describe();
  Result<Json> import();
  Result<Json> notes();
  Result<Json> edits();
  Result<Json> beats();
  Result<Json> notation();
  Result<Json> export_piece();
  Result<Json> generate();
  Result<Json> novelty();
  Result<Json> render();
  Result<Json> transcribe();
  Result<Json> evaluate();
  Result<Json> waveform();

  Result<Bytes> blob(std::size_t index) const;
  // The piece that the request brings: its first blob, and "timing".
  Result<data::Source> piece() const;
  // Sends the piece's file and view, and gives what is said of it.
  Result<Json> hand_over(const data::Source& source, std::span<const std::uint8_t> midi);
  Result<Json> hand_over(std::span<const std::uint8_t> midi, const Json& timing);
  Result<Json> heard_piece(const HeardPiece& heard);
  Result<Json> written_piece(const WrittenPiece& written, const data::Source* prompt,
                             const GenerateRequest& request);
  Result<std::size_t> send(std::span<const std::uint8_t> bytes);
  // Writes a sound in this format and sends it; the number of the blob.
  Result<std::size_t> send_sound(const Audio& audio, const std::string& format);
  // What a waveform goes on from: an upload, a piece as it sounds, or nothing.
  Result<std::vector<float>> waveform_prompt();

  const Equipment& equipment_;
  Channel& channel_;
  Request request_;
  std::size_t sent_ = 0;
};

// The request's "bars", "count", "seed", "controls", "sampling" and so on, checked; the message
// names the field. The prompt is the caller's.
Result<GenerateRequest> generate_request_from_json(const Json& json);
// All of it with defaults filled in, but for seed, prompt and kind.
Json settings_json(const GenerateRequest& request);

}  // namespace hemiola::worker
