// Musical and physical time as types, so that a bare number never passes for another unit.
// Tick: a file's own division. GridTick: 24 to the quarter note. Seconds: a double.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace hemiola {

template <class Tag, class Rep>
class Quantity {
 public:
  using rep = Rep;

  constexpr Quantity() = default;
  constexpr explicit Quantity(Rep count) : count_(count) {}

  constexpr Rep count() const { return count_; }
  constexpr auto operator<=>(const Quantity&) const = default;

  constexpr Quantity& operator+=(Quantity other) { return count_ += other.count_, *this; }
  constexpr Quantity& operator-=(Quantity other) { return count_ -= other.count_, *this; }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.count_); }
  friend constexpr Quantity operator*(Quantity a, Rep factor) {
    return Quantity(a.count_ * factor);
  }
  friend constexpr Quantity operator*(Rep factor, Quantity a) {
    return Quantity(a.count_ * factor);
  }
  friend constexpr Rep operator/(Quantity a, Quantity b) { return a.count_ / b.count_; }
  friend constexpr Quantity operator/(Quantity a, Rep divisor) {
    return Quantity(a.count_ / divisor);
  }

 private:
  Rep count_{};
};

using Tick = Quantity<struct TickTag, std::int64_t>;
using GridTick = Quantity<struct GridTickTag, std::int32_t>;
using Seconds = Quantity<struct SecondsTag, double>;

inline constexpr GridTick kGridQuarter{24};

constexpr Tick operator%(Tick a, Tick b) { return Tick(a.count() % b.count()); }
constexpr GridTick operator%(GridTick a, GridTick b) { return GridTick(a.count() % b.count()); }

}  // namespace hemiola

template <class Tag, class Rep>
struct std::hash<hemiola::Quantity<Tag, Rep>> {
  std::size_t operator()(hemiola::Quantity<Tag, Rep> value) const {
    return std::hash<Rep>()(value.count());
  }
};
