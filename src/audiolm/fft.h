// The power spectrum of real samples, for the front ends here. Plain C++, any power of two.
#pragma once

#include <complex>
#include <span>
#include <vector>

namespace hemiola::audiolm {

class PowerSpectrum {
 public:
  // A power of two, at least 4.
  explicit PowerSpectrum(std::size_t size);

  std::size_t bins() const { return size_ / 2 + 1; }
  // |X|^2 of `frame`, exactly `size` samples, into (bins). Any number of threads at once, each with
  // working memory of its own, which it need not fill.
  using Scratch = std::vector<std::complex<float>>;
  void apply(std::span<const float> frame, std::span<float> power, Scratch& scratch) const;

 private:
  std::size_t size_;
  std::vector<std::complex<float>> twiddles_;  // e^(-2 pi i k / size), k < size / 2
  std::vector<std::uint32_t> reversed_;        // (size / 2)
};

}  // namespace hemiola::audiolm
