#include "score/voices.h"

#include <algorithm>

namespace hemiola {

std::vector<VoiceLine> split_voices(std::span<const GridNote> notes) {
  std::vector<VoiceLine> voices;
  std::vector<Sound> sounds;  // that begin together
  for (std::size_t i = 0; i < notes.size();) {
    sounds.clear();
    for (const GridTick onset = notes[i].onset; i < notes.size() && notes[i].onset == onset; ++i) {
      const GridNote& note = notes[i];
      auto sound = std::find_if(sounds.begin(), sounds.end(),
                                [&](const Sound& s) { return s.duration == note.duration; });
      if (sound == sounds.end()) {
        sounds.push_back({note.onset, note.duration, {}});
        sound = sounds.end() - 1;
      }
      sound->pitches.insert(sound->pitches.begin(), {note.pitch, note.velocity_class});
    }
    for (Sound& sound : sounds) {
      auto voice = std::find_if(voices.begin(), voices.end(),
                                [&](const VoiceLine& v) { return v.back().end() <= sound.onset; });
      if (voice == voices.end()) voice = voices.insert(voices.end(), VoiceLine());
      voice->push_back(std::move(sound));
    }
  }
  return voices;
}

}  // namespace hemiola
