// What a file is, from how it begins. Only a hint for what to do with it: the worker that opens it
// decides.
#include <algorithm>
#include <array>

#include "server/api.h"
#include "worker/project.h"

namespace hemiola::server {
namespace {

struct Magic {
  std::size_t offset;
  std::string_view bytes;
  FileType type;
};

using namespace std::string_view_literals;

constexpr std::array kMagics = {
    Magic{0, "MThd"sv, {"midi", "audio/midi"}},
    Magic{8, "RMID"sv, {"midi", "audio/midi"}},
    Magic{8, "WAVE"sv, {"audio", "audio/wav"}},
    Magic{8, "AIFF"sv, {"audio", "audio/aiff"}},
    Magic{0, "fLaC"sv, {"audio", "audio/flac"}},
    Magic{0, "OggS"sv, {"audio", "audio/ogg"}},
    Magic{0, "ID3"sv, {"audio", "audio/mpeg"}},
    Magic{0, "\xff\xfb"sv, {"audio", "audio/mpeg"}},
    Magic{0, "\xff\xf3"sv, {"audio", "audio/mpeg"}},
    Magic{0, "\xff\xf2"sv, {"audio", "audio/mpeg"}},
    Magic{0, "\xff\xf1"sv, {"audio", "audio/aac"}},
    Magic{0, "\x1a\x45\xdf\xa3"sv, {"audio", "audio/webm"}},
    Magic{4, "ftyp"sv, {"audio", "audio/mp4"}},
    Magic{0, worker::kProjectMark, {"project", "application/json"}},
};

}  // namespace

FileType sniff(std::span<const std::uint8_t> beginning) {
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  for (const Magic& magic : kMagics) {
    if (text.size() > magic.offset && text.substr(magic.offset).starts_with(magic.bytes)) {
      return magic.type;
    }
  }
  const bool readable = !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    return c == '\x7f' ||
           (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\r' && c != '\t');
  });
  if (!readable) {
    // A damaged MIDI file may have its header further on; the reader finds it.
    if (text.find("MTrk") != std::string_view::npos) return {"midi", "audio/midi"};
    return {"unknown", "application/octet-stream"};
  }
  if (text.find("Form_") != std::string_view::npos) return {"tokens", "text/plain; charset=utf-8"};
  if (text.find('|') != std::string_view::npos || text.find("1=") != std::string_view::npos) {
    return {"notation", "text/plain; charset=utf-8"};
  }
  return {"unknown", "application/octet-stream"};
}

}  // namespace hemiola::server
