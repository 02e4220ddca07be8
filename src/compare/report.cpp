#include "compare/report.h"

#include <algorithm>
#include <cmath>

#include "audio/audio.h"
#include "base/base64.h"
#include "compare/page_text.h"
#include "data/source.h"
#include "evaluate/spectrogram.h"
#include "score/instruments.h"

namespace hemiola::compare {
namespace {

// 64 bands, each byte from about -80 dB to the loudest, two frames of 10 ms in one.
Bytes picture_of(std::span<const float> sound) {
  constexpr float kFloor = 0.01f, kLow = -4.6f, kHigh = 3.0f;
  const std::vector<float> mel = evaluate::log_mel_64(sound, kFloor);
  constexpr std::size_t kBands = evaluate::kLogMelBands;
  Bytes bytes;
  for (std::size_t t = 0; t + 1 < mel.size() / kBands; t += 2) {
    for (std::size_t band = 0; band < kBands; ++band) {
      const float mean = 0.5f * (mel[t * kBands + band] + mel[(t + 1) * kBands + band]);
      const float share = std::clamp((mean - kLow) / (kHigh - kLow), 0.0f, 1.0f);
      bytes.push_back(static_cast<std::uint8_t>(std::lround(255 * share)));
    }
  }
  return bytes;
}

Status add_notes(const Path& path, Json& piece) {
  HEMIOLA_TRY(const Score score, data::read_score(path));
  const TempoMap tempo(score);
  const auto milli = [](double seconds) { return std::round(1000 * seconds) / 1000; };
  piece["tracks"] = Json::array();
  piece["notes"] = Json::array();
  for (std::size_t track = 0; track < score.tracks.size(); ++track) {
    const Track& notes = score.tracks[track];
    piece["tracks"].push_back(instrument_name({notes.program, notes.is_drum}));
    for (const Note& note : notes.notes) {
      const double begin = tempo.seconds_at(note.onset).count();
      const double end = tempo.seconds_at(note.onset + note.duration).count();
      piece["notes"].push_back({track, milli(begin), milli(end - begin), note.pitch});
    }
  }
  return {};
}

// JSON that may stand in a script element.
std::string in_script(const Json& json) {
  const std::string text = json_text(json);
  std::string result;
  for (const char c : text) {
    if (c == '<') {
      result += "\\u003c";
    } else {
      result += c;
    }
  }
  return result;
}

void replace(std::string& text, std::string_view mark, std::string_view with) {
  if (const std::size_t at = text.find(mark); at != std::string::npos) {
    text.replace(at, mark.size(), with);
  }
}

}  // namespace

Result<Json> gather_media(const std::vector<NamedSet>& sets, std::size_t heard) {
  Json media = Json::object();
  std::error_code code;
  for (const NamedSet& set : sets) {
    if (set.name == "reference") continue;
    Json& pieces = media[set.name] = Json::array();
    for (std::size_t i = 0; i < std::min(heard, set.files.pieces); ++i) {
      const std::string name = piece_name(i);
      Json piece = {{"name", name}};
      HEMIOLA_TRY(std::vector<float> samples,
                  evaluate::load_sound(set.files.sound() / (name + ".flac")));
      piece["mel"] = to_base64(picture_of(samples));
      const Audio audio{kSoundRate, 1, std::move(samples)};
      piece["seconds"] = audio.length().count();
      const Path mp3 = set.files.folder / "heard" / (name + ".mp3");
      std::filesystem::create_directories(mp3.parent_path(), code);
      HEMIOLA_CHECK(write_audio(mp3, audio));
      HEMIOLA_TRY(const Bytes sound, read_file(mp3));
      piece["sound"] = to_base64(sound);
      const Path notes = set.files.notes() / (name + ".mid");
      if (std::filesystem::exists(notes, code)) HEMIOLA_CHECK(add_notes(notes, piece));
      pieces.push_back(std::move(piece));
    }
  }
  return media;
}

std::string report_page(const Json& report, const Json& media) {
  std::string page(kPageHtml);
  replace(page, "/*style*/", kPageCss);
  replace(page, "/*script*/", kPageScript);
  replace(page, "/*report*/", in_script(report));
  replace(page, "/*media*/", in_script(media));
  return page;
}

}  // namespace hemiola::compare
