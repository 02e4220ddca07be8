#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/time_units.h"

namespace hemiola {
namespace {

std::string hash_of(std::string_view text) { return to_hex(Sha256().update(text).finish()); }

// Vectors of FIPS 180-4 and its examples.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(hash_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheHashOfTheWhole) {
  const std::string text(200, 'x');
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(to_hex(Sha256().update(text.substr(0, cut)).update(text.substr(cut)).finish()),
              hash_of(text));
  }
}

// First outputs of the reference xoshiro256** for the state {1, 2, 3, 4}.
TEST(Rng, MatchesTheReference) {
  Rng rng(Rng::State{1, 2, 3, 4});
  EXPECT_EQ(rng.next(), 11520u);
  EXPECT_EQ(rng.next(), 0u);
  EXPECT_EQ(rng.next(), 1509978240u);
  EXPECT_EQ(rng.next(), 1215971899390074240u);
}

TEST(Rng, BelowStaysBelowAndReachesAll) {
  Rng rng(7);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(rng.below(10));
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(*seen.rbegin(), 9u);
}

TEST(Files, WriteReadMapAndRefuse) {
  const Path folder = std::filesystem::temp_directory_path() / fmt::format("base_{}", ::getpid());
  const Path path = folder / "deep" / "file.txt";
  ASSERT_TRUE(write_text(path, "hello"));
  EXPECT_EQ(read_text(path).value(), "hello");
  ASSERT_TRUE(write_text(path, "again"));
  EXPECT_EQ(MappedFile::open(path)->bytes().size(), 5u);
  EXPECT_FALSE(read_file(path, 4));
  EXPECT_FALSE(read_file(folder));
  EXPECT_FALSE(read_file(folder / "absent"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1)
      << "a temporary file was left";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hemiola
