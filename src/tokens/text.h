// The text form: the base words as they are, the header on one line, then a line a bar.
//
//   Form_whole Track_1 Program_0
//   Bar_1 Num_4 Den_4 Key_C_major Tempo_120 Beat_1 Track_1 Pos_0 Vel_9 Dur_24 Tone_64 Down_4
//   Bar_0 Beat_1 Track_1 Pos_0 Dur_96 Tone_60
//   End
//
// Read back, words may be broken into lines and spaced at will; what follows "#" on a line, where
// it begins a word, is a comment.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tokens/tokenizer.h"

namespace hemiola::tokens {

// Merged tokens print as their base words; reserved ids as "Reserved_ID". Any sequence can be
// printed, whole or not.
std::string to_text(std::span<const Token> tokens, const Vocabulary& vocabulary);
// The same of a score. The frame fits it (check()).
std::string to_text(const GridScore& score, const Frame& frame = {});

// Errors name line and column, both from 1, and what could stand there.
Result<Decoded> parse_text(std::string_view text, std::string_view where);

}  // namespace hemiola::tokens
