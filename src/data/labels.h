// What a file's place in its folders says about the music. The ADL Piano layout,
// Genre/Subgenre/Artist/Song.mid, gives genre, subgenre and artist; elsewhere the first folder
// below the imported one (or that folder itself) is the collection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace hemiola::data {

struct Labels {
  std::string genre, subgenre, artist, collection;  // empty: not known

  bool operator==(const Labels&) const = default;
};

// `path` begins with the name of the imported folder or archive: "adl-piano/Jazz/Bebop/X/Y.mid".
Labels labels_of(std::string_view path);

Json to_json(const Labels& labels);  // only what is known
Labels labels_from(const Json& json);

// The labels that can serve as a style: genre, subgenre, collection; each once, none empty.
std::vector<std::string> styles_of(const Labels& labels);

}  // namespace hemiola::data
