#include "beats/nominal_tempo.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "score/grid_score.h"

namespace hemiola {
namespace {

constexpr std::size_t kLasting = 8;  // bars
constexpr double kBig = 1.15;
constexpr std::size_t kWindow = 5;  // bars

double tempo_of(const TimedBar& bar) {
  return 60.0 * bar.length.count() / kGridQuarter.count() / bar.duration.count();
}

// The tempo that half of the music is slower than.
double median_tempo(std::span<const TimedBar> bars) {
  std::vector<std::pair<double, double>> weighted;  // tempo, length
  double total = 0;
  for (const TimedBar& bar : bars) {
    weighted.emplace_back(tempo_of(bar), bar.length.count());
    total += bar.length.count();
  }
  std::sort(weighted.begin(), weighted.end());
  double passed = 0;
  for (const auto& [tempo, length] : weighted) {
    if ((passed += length) >= total / 2) return tempo;
  }
  return weighted.back().first;
}

double median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

bool differs(double a, double b) { return a > b * kBig || b > a * kBig; }

}  // namespace

std::vector<double> nominal_tempos(const std::vector<TimedBar>& bars, bool constant) {
  if (bars.empty()) return {};
  std::vector<double> tempos;
  tempos.reserve(bars.size());
  for (const TimedBar& bar : bars) tempos.push_back(tempo_of(bar));
  const auto [low, high] = std::minmax_element(tempos.begin(), tempos.end());
  if (constant || !differs(*low, *high)) {
    const bool steady = *high - *low < 1e-6 * *high;
    std::fill(tempos.begin(), tempos.end(), steady ? tempos.front() : median_tempo(bars));
    return tempos;
  }
  // Single slow bars, a held note or the like, are no section.
  std::vector<double> smooth(tempos.size());
  for (std::size_t i = 0; i < tempos.size(); ++i) {
    const std::size_t begin = i < kWindow / 2 ? 0 : i - kWindow / 2;
    const std::size_t end = std::min(tempos.size(), i + kWindow / 2 + 1);
    smooth[i] = median(std::span(tempos).subspan(begin, end - begin));
  }
  std::vector<std::size_t> sections = {0};
  double reference = smooth[0];
  std::size_t away = 0;  // bars on end that differ
  for (std::size_t i = 0; i < smooth.size(); ++i) {
    const bool same_side = away == 0 || (smooth[i] > reference) == (smooth[i - 1] > reference);
    if (!differs(smooth[i], reference)) {
      away = 0;
      // Follow a slow drift within the section.
      reference += (smooth[i] - reference) /
                   static_cast<double>(std::min<std::size_t>(i - sections.back() + 1, 32));
      continue;
    }
    away = same_side ? away + 1 : 1;
    if (away == kLasting) {
      const std::size_t begin = i + 1 - kLasting;
      // Before anything has lasted there is no section to leave.
      if (begin - sections.back() >= kLasting || begin == 0) {
        if (begin > 0) sections.push_back(begin);
      } else if (sections.size() > 1) {
        sections.back() = begin;
      }
      reference = median(std::span(smooth).subspan(begin, kLasting));
      away = 0;
    }
  }
  sections.push_back(bars.size());
  // What differs is decided by what will be said: the classes of the medians.
  struct Section {
    std::size_t begin = 0;
    double tempo = 0;
  };
  std::vector<Section> kept;
  for (std::size_t s = 0; s + 1 < sections.size(); ++s) {
    const auto said = [&](std::size_t begin) {
      const double tempo = median_tempo(std::span(bars).subspan(begin, sections[s + 1] - begin));
      return static_cast<double>(kTempos[static_cast<std::size_t>(nearest_tempo_class(tempo))]);
    };
    Section section{sections[s], said(sections[s])};
    while (!kept.empty() && !differs(kept.back().tempo, section.tempo)) {
      section = {kept.back().begin, said(kept.back().begin)};
      kept.pop_back();
    }
    kept.push_back(section);
  }
  for (std::size_t s = 0; s < kept.size(); ++s) {
    const std::size_t end = s + 1 < kept.size() ? kept[s + 1].begin : tempos.size();
    std::fill(tempos.begin() + static_cast<std::ptrdiff_t>(kept[s].begin),
              tempos.begin() + static_cast<std::ptrdiff_t>(end), kept[s].tempo);
  }
  return tempos;
}

}  // namespace hemiola
