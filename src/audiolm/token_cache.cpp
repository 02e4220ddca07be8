#include "audiolm/token_cache.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>

#include "base/json.h"
#include "base/rng.h"

namespace hemiola::audiolm {
namespace {

static_assert(std::endian::native == std::endian::little, "tokens are used where they are mapped");

constexpr std::string_view kSplits[] = {"train", "validation", "test"};
constexpr std::string_view kMetadataKey = "hemiola_audiolm_tokens";
constexpr std::int64_t kMostUnits = std::int64_t{1} << 24;  // of a piece: 7 days

std::string origin_text(const TokenOrigin& origin) {
  return json_text(Json({{"version", 1},
                         {"units", origin.shape.units},
                         {"quantizers", origin.shape.quantizers},
                         {"codebook", origin.shape.codebook},
                         {"codec_sha256", origin.codec_sha256},
                         {"semantic_sha256", origin.semantic_sha256},
                         {"sound", origin.sound}}));
}

Result<TokenOrigin> parse_origin(std::string_view text, std::string_view where) {
  HEMIOLA_TRY(const Json json, parse_json(text, where));
  TokenOrigin origin;
  try {
    if (json.at("version").get<int>() != 1) {
      return fail("{}: tokens of another version of the program; make them anew", where);
    }
    json.at("units").get_to(origin.shape.units);
    json.at("quantizers").get_to(origin.shape.quantizers);
    json.at("codebook").get_to(origin.shape.codebook);
    json.at("codec_sha256").get_to(origin.codec_sha256);
    json.at("semantic_sha256").get_to(origin.semantic_sha256);
    json.at("sound").get_to(origin.sound);
  } catch (const Json::exception& error) {
    return fail("{}: {}", where, error.what());
  }
  origin.shape.coarse = 1;
  if (const Status status = check(origin.shape); !status) {
    return fail("{}: {}", where, status.error().message);
  }
  return origin;
}

Status check_tokens(const PieceTokens& tokens, const TokenShape& shape) {
  const auto in = [](const std::vector<std::int16_t>& values, int limit) {
    return std::all_of(values.begin(), values.end(),
                       [limit](std::int16_t value) { return value >= 0 && value < limit; });
  };
  if (tokens.codes.size() != tokens.units.size() * kFramesPerUnit *
                                 static_cast<std::size_t>(shape.quantizers)) {
    return fail("expected {} codes for {} units, got {}",
                tokens.units.size() * kFramesPerUnit * static_cast<std::size_t>(shape.quantizers),
                tokens.units.size(), tokens.codes.size());
  }
  if (!in(tokens.units, shape.units)) return fail("a unit is not below {}", shape.units);
  if (!in(tokens.codes, shape.codebook)) return fail("a code is not below {}", shape.codebook);
  return {};
}

std::span<const std::uint8_t> bytes_of(const std::vector<std::int16_t>& values) {
  return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 2};
}

// What is encoded so far, in a file that only grows: the origin as one line, then for each piece
// its number of units (four bytes), the units and the codes.
class Part {
 public:
  Part(Path path, const TokenOrigin& origin) : path_(std::move(path)), origin_(origin) {}

  // Reads what is whole and belongs here, and opens the file to go on.
  Status open() {
    const std::string head = origin_text(origin_) + "\n";
    std::size_t whole = 0;
    std::error_code code;
    if (std::filesystem::exists(path_, code)) {
      HEMIOLA_TRY(const MappedFile file, MappedFile::open(path_));
      whole = read(file.bytes(), head);
    }
    if (whole == 0) {
      HEMIOLA_CHECK(write_text(path_, head));
    } else {
      std::filesystem::resize_file(path_, whole, code);
      if (code) return fail("{}: {}", path_.string(), code.message());
    }
    file_.reset(std::fopen(path_.c_str(), "ab"));
    if (file_ == nullptr) return fail("{}: {}", path_.string(), std::strerror(errno));
    return {};
  }

  Status add(PieceTokens tokens) {
    const auto units = static_cast<std::uint32_t>(tokens.units.size());
    const auto put = [&](const void* data, std::size_t size) {
      return size == 0 || std::fwrite(data, 1, size, file_.get()) == size;
    };
    if (!put(&units, sizeof units) || !put(tokens.units.data(), tokens.units.size() * 2) ||
        !put(tokens.codes.data(), tokens.codes.size() * 2) || std::fflush(file_.get()) != 0) {
      return fail("{}: {}", path_.string(), std::strerror(errno));
    }
    pieces_.push_back(std::move(tokens));
    return {};
  }

  const std::vector<PieceTokens>& pieces() const { return pieces_; }

  void remove() {
    file_.reset();
    std::error_code code;
    std::filesystem::remove(path_, code);
  }

 private:
  // Bytes up to the end of the last whole piece; 0: nothing of use.
  std::size_t read(std::span<const std::uint8_t> bytes, std::string_view head) {
    if (bytes.size() < head.size() || std::memcmp(bytes.data(), head.data(), head.size()) != 0) {
      return 0;
    }
    std::size_t at = head.size();
    for (;;) {
      std::uint32_t units = 0;
      if (bytes.size() - at < sizeof units) return at;
      std::memcpy(&units, bytes.data() + at, sizeof units);
      const std::size_t codes = std::size_t{units} * kFramesPerUnit *
                                static_cast<std::size_t>(origin_.shape.quantizers);
      const std::size_t size = sizeof units + 2 * (units + codes);
      if (units > kMostUnits || bytes.size() - at < size) return at;
      PieceTokens tokens;
      tokens.units.resize(units);
      tokens.codes.resize(codes);
      std::memcpy(tokens.units.data(), bytes.data() + at + sizeof units, 2 * std::size_t{units});
      std::memcpy(tokens.codes.data(), bytes.data() + at + sizeof units + 2 * std::size_t{units},
                  2 * codes);
      if (!check_tokens(tokens, origin_.shape)) return at;
      pieces_.push_back(std::move(tokens));
      at += size;
    }
  }

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  Path path_;
  const TokenOrigin& origin_;
  std::unique_ptr<std::FILE, Close> file_;
  std::vector<PieceTokens> pieces_;
};

Status write_cache(const Path& path, const CacheJob& job, const std::vector<PieceTokens>& pieces) {
  std::vector<std::int64_t> table;
  std::vector<std::int16_t> units, codes;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    table.push_back(static_cast<std::int64_t>(pieces[i].units.size()));
    table.push_back(static_cast<std::int64_t>(job.splits[i]));
    units.insert(units.end(), pieces[i].units.begin(), pieces[i].units.end());
    codes.insert(codes.end(), pieces[i].codes.begin(), pieces[i].codes.end());
  }
  const auto count = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const TensorView tensors[] = {
      {"pieces", Dtype::kI64, {count(pieces.size()), 2},
       {reinterpret_cast<const std::uint8_t*>(table.data()), table.size() * 8}},
      {"units", Dtype::kU8, {count(units.size()), 2}, bytes_of(units)},
      {"codes", Dtype::kU8,
       {count(units.size()) * kFramesPerUnit, job.origin.shape.quantizers, 2}, bytes_of(codes)}};
  return write_safetensors(path, tensors,
                           {{std::string(kMetadataKey), origin_text(job.origin)}});
}

}  // namespace

Result<Split> split_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kSplits); ++i) {
    if (name == kSplits[i]) return static_cast<Split>(i);
  }
  return fail("split \"{}\": expected train, validation or test", name);
}

PieceTokens whole_units(std::vector<std::int16_t> units, std::vector<std::int16_t> codes,
                        int quantizers) {
  const std::size_t unit_codes = kFramesPerUnit * static_cast<std::size_t>(quantizers);
  const std::size_t whole = std::min(units.size(), codes.size() / unit_codes);
  units.resize(whole);
  codes.resize(whole * unit_codes);
  return {std::move(units), std::move(codes)};
}

Result<TokenCache> TokenCache::open(const Path& path) {
  HEMIOLA_TRY(MappedFile file, MappedFile::open(path));
  HEMIOLA_TRY(TokenCache cache, read(file.bytes(), path.string()));
  cache.file_.push_back(std::move(file));
  return cache;
}

Result<TokenCache> TokenCache::read(std::span<const std::uint8_t> bytes, std::string_view where) {
  HEMIOLA_TRY(const SafetensorsView view, SafetensorsView::parse(bytes, where));
  return from_view(view, where);
}

Result<TokenCache> TokenCache::from_view(const SafetensorsView& view, std::string_view where) {
  const auto meta = view.metadata().find(std::string(kMetadataKey));
  if (meta == view.metadata().end()) {
    return fail("{}: not a file of tokens (hemiola audiolm tokens)", where);
  }
  TokenCache cache;
  HEMIOLA_TRY(cache.origin_, parse_origin(meta->second, where));
  const TensorView* pieces = view.find("pieces");
  const TensorView* units = view.find("units");
  const TensorView* codes = view.find("codes");
  if (pieces == nullptr || units == nullptr || codes == nullptr) {
    return fail("{}: pieces, units or codes are missing", where);
  }
  const std::int64_t all = units->shape.empty() ? -1 : units->shape[0];
  const bool shaped =
      pieces->dtype == Dtype::kI64 && pieces->shape.size() == 2 && pieces->shape[1] == 2 &&
      units->dtype == Dtype::kU8 && units->shape == Shape{all, 2} && codes->dtype == Dtype::kU8 &&
      codes->shape == Shape{all * kFramesPerUnit, cache.origin_.shape.quantizers, 2};
  if (!shaped) {
    return fail("{}: pieces {}, units {}, codes {} do not fit together", where,
                shown(pieces->shape), shown(units->shape), shown(codes->shape));
  }
  for (const TensorView* tensor : {units, codes}) {
    if (reinterpret_cast<std::uintptr_t>(tensor->bytes.data()) % 2 != 0) {
      return fail("{}: {} begins at an odd byte", where, tensor->name);
    }
  }
  cache.units_ = reinterpret_cast<const std::int16_t*>(units->bytes.data());
  cache.codes_ = reinterpret_cast<const std::int16_t*>(codes->bytes.data());
  cache.starts_.push_back(0);
  std::uint64_t print = mix64(static_cast<std::uint64_t>(all));
  for (std::int64_t i = 0; i < pieces->shape[0]; ++i) {
    std::int64_t row[2];
    std::memcpy(row, pieces->bytes.data() + 16 * i, 16);
    if (row[0] < 0 || row[0] > kMostUnits || row[1] < 0 || row[1] > 2) {
      return fail("{}: piece {}: {} units, split {}", where, i, row[0], row[1]);
    }
    cache.starts_.push_back(cache.starts_.back() + static_cast<std::size_t>(row[0]));
    cache.splits_.push_back(static_cast<Split>(row[1]));
    print = mix64(print ^ static_cast<std::uint64_t>(row[0] * 4 + row[1]));
  }
  if (cache.starts_.back() != static_cast<std::size_t>(all)) {
    return fail("{}: its pieces have {} units, the file {}", where, cache.starts_.back(), all);
  }
  const auto in_range = [&](const std::int16_t* values, std::size_t count, int limit) {
    for (std::size_t i = 0; i < count; ++i) {
      if (values[i] < 0 || values[i] >= limit) return false;
      print = (print ^ static_cast<std::uint64_t>(values[i])) * 0x9e3779b97f4a7c15u;
    }
    return true;
  };
  const auto quantizers = static_cast<std::size_t>(cache.origin_.shape.quantizers);
  if (!in_range(cache.units_, cache.starts_.back(), cache.origin_.shape.units) ||
      !in_range(cache.codes_, cache.starts_.back() * kFramesPerUnit * quantizers,
                cache.origin_.shape.codebook)) {
    return fail("{}: a unit or code is out of range", where);
  }
  cache.fingerprint_ = print;
  return cache;
}

std::span<const std::int16_t> TokenCache::units(std::size_t piece) const {
  return {units_ + starts_[piece], starts_[piece + 1] - starts_[piece]};
}

std::span<const std::int16_t> TokenCache::codes(std::size_t piece) const {
  const std::size_t unit_codes =
      kFramesPerUnit * static_cast<std::size_t>(origin_.shape.quantizers);
  return {codes_ + starts_[piece] * unit_codes,
          (starts_[piece + 1] - starts_[piece]) * unit_codes};
}

std::vector<std::size_t> TokenCache::of_split(Split split) const {
  std::vector<std::size_t> pieces;
  for (std::size_t i = 0; i < splits_.size(); ++i) {
    if (splits_[i] == split) pieces.push_back(i);
  }
  return pieces;
}

Status build_token_cache(const Path& path, const CacheJob& job) {
  Part part(path.string() + ".part", job.origin);
  HEMIOLA_CHECK(part.open());
  const std::size_t count = job.splits.size();
  while (part.pieces().size() < count) {
    // As many at once as there are threads, kept in the order of the pieces.
    const std::size_t begin = part.pieces().size();
    const std::size_t end =
        std::min(count, begin + static_cast<std::size_t>(std::max(1, job.threads)));
    std::vector<std::future<Result<PieceTokens>>> coming;
    for (std::size_t i = begin; i < end; ++i) {
      coming.push_back(std::async(std::launch::async, job.encode, i));
    }
    std::vector<Result<PieceTokens>> come;
    for (auto& each : coming) come.push_back(each.get());
    for (std::size_t i = begin; i < end; ++i) {
      Result<PieceTokens>& tokens = come[i - begin];
      if (!tokens) return fail(std::move(tokens.error()));
      if (const Status status = check_tokens(*tokens, job.origin.shape); !status) {
        return fail("piece {}: {}", i, status.error().message);
      }
      HEMIOLA_CHECK(part.add(*std::move(tokens)));
      if (job.progress && !job.progress(i + 1)) {
        return fail("stopped after {} of {} pieces; the same command goes on", i + 1, count);
      }
    }
  }
  HEMIOLA_CHECK(write_cache(path, job, part.pieces()));
  part.remove();
  return {};
}

}  // namespace hemiola::audiolm
