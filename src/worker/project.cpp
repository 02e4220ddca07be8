#include "worker/project.h"

#include "base/base64.h"
#include "worker/piece.h"

namespace hemiola::worker {
namespace {

constexpr int kVersion = 1;

Result<ProjectPiece> piece_from(const Json& json, std::size_t index) {
  if (!json.is_object()) return fail("expected an object");
  ProjectPiece piece;
  const auto text = [&](const char* name) -> Result<std::string> {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return fail("{}: expected a text", name);
    return found->get<std::string>();
  };
  HEMIOLA_TRY(piece.name, text("name"));
  HEMIOLA_TRY(const std::string midi, text("midi"));
  HEMIOLA_TRY(piece.midi, from_base64(midi));
  const Json parent = json.value("parent", Json());
  if (parent.is_number_unsigned() && parent.get<std::size_t>() < index) {
    piece.parent = parent.get<int>();
  } else if (!parent.is_null()) {
    return fail("parent: expected the number of an earlier piece");
  }
  piece.timing = json.value("timing", Json());
  piece.origin = json.value("origin", Json());
  piece.recipe = json.value("recipe", Json());
  HEMIOLA_CHECK(timing_from_json(piece.timing));
  if (!piece.origin.is_object()) return fail("origin: expected an object");
  if (!piece.recipe.is_object() && !piece.recipe.is_null()) {
    return fail("recipe: expected an object");
  }
  return piece;
}

}  // namespace

std::string write_project(const std::vector<ProjectPiece>& pieces) {
  Json list = Json::array();
  for (const ProjectPiece& piece : pieces) {
    list.push_back({{"name", piece.name},
                    {"parent", piece.parent < 0 ? Json() : Json(piece.parent)},
                    {"origin", piece.origin},
                    {"recipe", piece.recipe},
                    {"timing", piece.timing},
                    {"midi", to_base64(piece.midi)}});
  }
  return json_text(Json{{"hemiola_project", kVersion}, {"pieces", std::move(list)}});
}

Result<std::vector<ProjectPiece>> read_project(std::string_view text) {
  HEMIOLA_TRY(const Json json, parse_json(text, "project"));
  if (!json.is_object() || json.value("hemiola_project", Json()) != Json(kVersion)) {
    return fail("project: expected \"hemiola_project\": {}", kVersion);
  }
  const Json list = json.value("pieces", Json());
  if (!list.is_array() || list.empty() || list.size() > kMostProjectPieces) {
    return fail("project: expected a list of 1 to {} pieces", kMostProjectPieces);
  }
  std::vector<ProjectPiece> pieces;
  for (const Json& item : list) {
    auto piece = piece_from(item, pieces.size());
    if (!piece) {
      return fail(std::move(piece.error()).within(fmt::format("piece {}", pieces.size() + 1)));
    }
    pieces.push_back(std::move(*piece));
  }
  return pieces;
}

}  // namespace hemiola::worker
