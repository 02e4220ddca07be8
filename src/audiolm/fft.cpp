#include "audiolm/fft.h"

#include <cmath>
#include <numbers>

namespace hemiola::audiolm {

PowerSpectrum::PowerSpectrum(std::size_t size) : size_(size) {
  for (std::size_t k = 0; k < size / 2; ++k) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(size);
    twiddles_.emplace_back(static_cast<float>(std::cos(angle)),
                           static_cast<float>(std::sin(angle)));
  }
  const std::size_t half = size / 2;
  for (std::size_t i = 0; i < half; ++i) {
    std::uint32_t bits = 0;
    for (std::size_t bit = 1; bit < half; bit <<= 1) bits = bits << 1 | ((i & bit) != 0);
    reversed_.push_back(bits);
  }
}

// Even samples as real parts, odd ones as imaginary parts: a transform of half the size gives both.
void PowerSpectrum::apply(std::span<const float> frame, std::span<float> power,
                          Scratch& scratch) const {
  using Complex = std::complex<float>;
  const std::size_t half = size_ / 2;
  scratch.resize(half);
  Complex* x = scratch.data();
  for (std::size_t i = 0; i < half; ++i) x[reversed_[i]] = {frame[2 * i], frame[2 * i + 1]};
  // Products are written out: those of std::complex look for infinities each time.
  const auto times = [](Complex a, Complex b) {
    return Complex(a.real() * b.real() - a.imag() * b.imag(),
                   a.real() * b.imag() + a.imag() * b.real());
  };
  for (std::size_t span = 1; span < half; span *= 2) {
    const std::size_t step = half / span;  // in twiddles of the whole size
    for (std::size_t begin = 0; begin < half; begin += 2 * span) {
      for (std::size_t i = 0; i < span; ++i) {
        const Complex turned = times(twiddles_[i * step], x[begin + span + i]);
        x[begin + span + i] = x[begin + i] - turned;
        x[begin + i] += turned;
      }
    }
  }
  power[0] = std::norm(Complex(x[0].real() + x[0].imag(), 0));
  power[half] = std::norm(Complex(x[0].real() - x[0].imag(), 0));
  for (std::size_t k = 1; k < half; ++k) {
    const Complex a = x[k], b = std::conj(x[half - k]);
    const Complex even = (a + b) * 0.5F, odd = times(Complex(0, -0.5F), a - b);
    power[k] = std::norm(even + times(twiddles_[k], odd));
  }
}

}  // namespace hemiola::audiolm
