#include "data/labels.h"

#include <algorithm>
#include <array>

namespace hemiola::data {
namespace {

constexpr std::array<std::string_view, 24> kGenres = {
    "Ambient", "Blues",  "Children",    "Classical",  "Country", "Electronic",
    "Folk",    "Gospel", "Hip-Hop",     "Jazz",       "Latin",   "Metal",
    "New Age", "Pop",    "R&B",         "Rap",        "Reggae",  "Religious",
    "Rock",    "Soul",   "Soundtracks", "Soundtrack", "Unknown", "World"};

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

bool is_adl(std::string_view folder) {
  return folder.find("adl-piano") != std::string_view::npos ||
         folder.find("adl_piano") != std::string_view::npos;
}

}  // namespace

Labels labels_of(std::string_view path) {
  const std::vector<std::string_view> parts = split(path);
  Labels labels;
  if (parts.size() >= 4) {
    const auto genre = parts.end() - 4;
    if (std::find(kGenres.begin(), kGenres.end(), *genre) != kGenres.end() ||
        (genre != parts.begin() && is_adl(*(genre - 1)))) {
      labels.genre = genre[0];
      labels.subgenre = genre[1];
      labels.artist = genre[2];
      return labels;
    }
  }
  if (parts.size() >= 3) {
    labels.collection = parts[1];
  } else if (parts.size() == 2) {
    labels.collection = parts[0];
  }
  return labels;
}

Json to_json(const Labels& labels) {
  Json json = Json::object();
  if (!labels.genre.empty()) json["genre"] = labels.genre;
  if (!labels.subgenre.empty()) json["subgenre"] = labels.subgenre;
  if (!labels.artist.empty()) json["artist"] = labels.artist;
  if (!labels.collection.empty()) json["collection"] = labels.collection;
  return json;
}

Labels labels_from(const Json& json) {
  const auto text = [&](const char* name) {
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
  };
  return {text("genre"), text("subgenre"), text("artist"), text("collection")};
}

std::vector<std::string> styles_of(const Labels& labels) {
  std::vector<std::string> styles;
  for (const std::string& label : {labels.genre, labels.subgenre, labels.collection}) {
    if (!label.empty() && std::find(styles.begin(), styles.end(), label) == styles.end()) {
      styles.push_back(label);
    }
  }
  return styles;
}

}  // namespace hemiola::data
