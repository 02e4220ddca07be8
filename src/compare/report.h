// The report as one page that needs nothing else: figures and settings as JSON, sounds as MP3,
// spectrograms and notes as numbers, and the script that draws them.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "compare/measure.h"

namespace hemiola::compare {

// The first `heard` pieces of each set but the reference: {SET: [{"name","seconds","sound" (MP3),
// "mel" (frames x 64 bytes, 20 ms each), "notes": [[track, onset, length, pitch], ...] in seconds,
// "tracks": [instrument, ...]}]}; bytes in base64.
Result<Json> gather_media(const std::vector<NamedSet>& sets, std::size_t heard);

std::string report_page(const Json& report, const Json& media);

}  // namespace hemiola::compare
