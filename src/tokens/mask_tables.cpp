#include "tokens/mask_tables.h"

namespace hemiola::tokens {

MaskTables::MaskTables(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {
  const int size = vocabulary.size();
  const auto make = [&](auto&... sets) { ((sets = TokenSet(size)), ...); };
  const auto make_all = [&](auto&... arrays) { (arrays.fill(TokenSet(size)), ...); };
  make(odd_first_duration, needs_velocity, needs_duration, opens_position, joins_chord, melodic,
       percussive, may_collide, fragment, long_notes, has_notes, several_onsets, dangling,
       dangling_free, dangling_inherits);
  make_all(may_follow, begins_track, position_from, position_below, first_velocity, first_duration,
           head_drum_below, has_tone, has_drum, head_over, at_once_over, dangling_above_tone,
           dangling_above_drum);
  head_downs_.resize(static_cast<std::size_t>(size));
  for (int token = 0; token < vocabulary.used(); ++token) {
    const auto id = static_cast<Token>(token);
    if (const auto shape = shape_of(vocabulary.words_of(id))) add(id, *shape);
  }
}

void MaskTables::add(Token token, const Shape& shape) {
  const auto put = [&](TokenSet& set, bool in) {
    if (in) set.insert(token);
  };
  const auto put_where = [&](auto& sets, auto in) {
    for (std::size_t i = 0; i < sets.size(); ++i) put(sets[i], in(static_cast<int>(i)));
  };
  if (shape.track >= 0) {
    begins_track[static_cast<std::size_t>(shape.track)].insert(token);
  } else {
    put_where(may_follow, [&](int node) {
      const auto to = next_node(static_cast<Node>(node), shape.first);
      return is_cell_node(static_cast<Node>(node)) && to && is_cell_node(*to);
    });
  }
  put_where(position_from,
            [&](int p) { return shape.first_position < 0 || shape.first_position >= p; });
  put_where(position_below, [&](int p) { return shape.last_position < p; });
  put_where(first_velocity, [&](int v) { return shape.first_velocity == v; });
  if (shape.first_duration > 0) {
    const int index = duration_index(shape.first_duration);
    put(index < 0 ? odd_first_duration : first_duration[static_cast<std::size_t>(index)], true);
  }
  put(needs_velocity, shape.needs_velocity);
  put(needs_duration, shape.needs_duration);
  put(opens_position, shape.opens_position);
  put(joins_chord, shape.joins_chord);
  put_where(head_drum_below, [&](int d) { return shape.first_drum < d; });
  const bool drum = !shape.drums.empty();
  put(percussive, drum);
  put(melodic, shape.has_notes() && !drum);
  put_where(has_tone, [&](int tone) {
    return ((shape.tones[static_cast<std::size_t>(tone) / 64] >> (tone % 64)) & 1) != 0;
  });
  shape.drums.for_each([&](int key) { has_drum[static_cast<std::size_t>(key)].insert(token); });
  put(may_collide, shape.may_collide);
  put(fragment, shape.is_fragment);
  put(long_notes, shape.longest > kShortNote);
  put(has_notes, shape.has_notes());
  const int tail_onsets =
      shape.first_position >= 0 ? shape.last_position - shape.first_position : 0;
  const bool one_onset = !shape.has_tail_notes || (shape.head_notes == 0 && tail_onsets == 0);
  put(several_onsets, shape.has_notes() && !one_onset);
  put_where(head_over, [&](int n) { return shape.head_notes > n; });
  put_where(at_once_over, [&](int n) { return shape.most_at_once > n; });
  if (shape.exit != Node::kNote) {
    dangling.insert(token);
    put(dangling_free, shape.floor == Shape::kNoFloor);
    put(dangling_inherits, shape.floor == Shape::kInherited);
    const bool known = shape.floor != Shape::kNoFloor && shape.floor != Shape::kInherited;
    put_where(dangling_above_tone, [&](int tone) { return known && !drum && shape.floor > tone; });
    put_where(dangling_above_drum, [&](int key) { return known && drum && shape.floor > key; });
  }
  head_downs_[token] = shape.head_downs;
}

}  // namespace hemiola::tokens
