#include "score/instruments.h"

#include <gtest/gtest.h>

namespace hemiola {
namespace {

TEST(Instruments, NamesAsPeopleTypeThem) {
  EXPECT_EQ(parse_instrument("piano").value(), (Instrument{0, false}));
  EXPECT_EQ(parse_instrument("Violin").value(), (Instrument{40, false}));
  EXPECT_EQ(parse_instrument(" double-bass ").value(), (Instrument{43, false}));
  EXPECT_EQ(parse_instrument("DRUMS").value(), (Instrument{0, true}));
  EXPECT_EQ(parse_instrument("33").value(), (Instrument{32, false}));
  EXPECT_EQ(parse_instrument("oboe").value(), (Instrument{68, false}));
  EXPECT_EQ(parse_instrument("tremolo").value(), (Instrument{44, false}));
}

TEST(Instruments, EveryNameFindsItself) {
  for (int program = 0; program < 128; ++program) {
    const Instrument instrument{program, false};
    EXPECT_EQ(parse_instrument(instrument_name(instrument)).value(), instrument);
  }
}

TEST(Instruments, RefusesWithAHint) {
  for (const char* wrong : {"", "0", "129", "kazoo", "pianoo", "999999999999"}) {
    EXPECT_FALSE(parse_instrument(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace hemiola
