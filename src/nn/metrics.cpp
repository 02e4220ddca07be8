#include "nn/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <string_view>
#include <system_error>

namespace hemiola::nn {

namespace {

constexpr std::string_view kHeader =
    "step,tokens,epochs,seconds,processor_seconds,rate,loss,grad_norm,tokens_per_second,"
    "held_out_loss,bits_per_note,bits_per_beat";

std::string optional_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.9g}", *value) : std::string();
}

bool read_number(std::string_view text, double& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

std::optional<MetricsRow> parse_row(std::string_view line) {
  double values[12] = {};
  bool there[12] = {};
  for (int i = 0; i < 12; ++i) {
    const std::size_t comma = line.find(',');
    if ((comma == std::string_view::npos) != (i == 11)) return std::nullopt;
    const std::string_view field = line.substr(0, comma);
    there[i] = !field.empty();
    if (there[i] && !read_number(field, values[i])) return std::nullopt;
    if (!there[i] && i < 9) return std::nullopt;
    if (i < 11) line.remove_prefix(comma + 1);
  }
  const auto maybe = [&](int i) {
    return there[i] ? std::optional<double>(values[i]) : std::nullopt;
  };
  return MetricsRow{static_cast<std::int64_t>(values[0]),
                    static_cast<std::int64_t>(values[1]),
                    values[2],
                    values[3],
                    values[4],
                    values[5],
                    values[6],
                    values[7],
                    values[8],
                    maybe(9),
                    maybe(10),
                    maybe(11)};
}

std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

// A round distance between grid lines, so that about `lines` of them fit in `span`.
double round_step(double span, int lines) {
  if (!(span > 0)) return 1;
  const double raw = span / lines;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string metrics_csv(const std::vector<MetricsRow>& rows) {
  std::string text(kHeader);
  text += '\n';
  for (const MetricsRow& r : rows) {
    text += fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.9g},{:.9g},{:.9g},{:.6g},{},{},{}\n", r.step,
                        r.tokens, r.epochs, r.seconds, r.processor_seconds, r.rate, r.loss,
                        r.grad_norm, r.tokens_per_second, optional_text(r.held_out_loss),
                        optional_text(r.bits_per_note), optional_text(r.bits_per_beat));
  }
  return text;
}

Result<Metrics> Metrics::open(const Path& folder, std::int64_t last_step) {
  Metrics metrics(folder);
  const Path path = folder / "metrics.csv";
  std::error_code code;
  if (last_step <= 0 || !std::filesystem::exists(path, code)) return metrics;
  HEMIOLA_TRY(const std::string text, read_text(path));
  std::string_view rest = text;
  for (int line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view row_text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line == 1) {
      if (row_text != kHeader) {
        return fail("{}: line 1: expected the columns \"{}\"", path.string(), kHeader);
      }
      continue;
    }
    const std::optional<MetricsRow> row = parse_row(row_text);
    if (!row) return fail("{}: line {}: not a row of metrics", path.string(), line);
    if (row->step <= last_step) metrics.rows_.push_back(*row);
  }
  return metrics;
}

Status Metrics::write(const std::string& title) const {
  HEMIOLA_CHECK(write_text(folder_ / "metrics.csv", metrics_csv(rows_)));
  return write_text(folder_ / "loss.svg", loss_curve_svg(rows_, title));
}

std::string loss_curve_svg(const std::vector<MetricsRow>& rows, const std::string& title) {
  constexpr double kWidth = 860, kHeight = 480, kLeft = 64, kRight = 20, kTop = 44, kBottom = 48;
  double low = 1e9, high = -1e9, last = 1;
  for (const MetricsRow& row : rows) {
    if (!std::isfinite(row.loss)) continue;
    low = std::min({low, row.loss, row.held_out_loss.value_or(row.loss)});
    high = std::max({high, row.loss, row.held_out_loss.value_or(row.loss)});
    last = std::max(last, static_cast<double>(row.tokens));
  }
  if (low > high) low = 0, high = 1;
  if (high - low < 1e-6) high = low + 1;
  const double y_step = round_step(high - low, 6);
  low = std::floor(low / y_step) * y_step;
  high = std::ceil(high / y_step) * y_step;
  const double x_step = round_step(last, 8);
  const auto x = [&](double tokens) { return kLeft + tokens / last * (kWidth - kLeft - kRight); };
  const auto y = [&](double loss) {
    return kTop + (high - loss) / (high - low) * (kHeight - kTop - kBottom);
  };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"{}\" y=\"22\" font-size=\"15\">{}</text>\n",
      kWidth, kHeight, kLeft, escaped(title));
  for (double v = low; v <= high + y_step / 2; v += y_step) {
    svg += fmt::format(
        "<path d=\"M{:.1f} {:.1f}H{:.1f}\" stroke=\"#ddd\"/><text x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{:.3g}</text>\n",
        kLeft, y(v), kWidth - kRight, kLeft - 6, y(v) + 4, v);
  }
  for (double v = 0; v <= last * 1.0001; v += x_step) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.3g}</text>\n",
                       x(v), kHeight - kBottom + 18, v / 1e6);
  }
  svg += fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">million tokens</text>\n"
      "<text x=\"14\" y=\"{:.1f}\" transform=\"rotate(-90 14 {:.1f})\" "
      "text-anchor=\"middle\">loss, "
      "nats a token</text>\n",
      (kLeft + kWidth - kRight) / 2, kHeight - 10, kHeight / 2, kHeight / 2);
  const auto curve = [&](const char* colour, const char* name, double label_x,
                         const std::function<std::optional<double>(const MetricsRow&)>& value) {
    std::string points;
    for (const MetricsRow& row : rows) {
      const std::optional<double> v = value(row);
      if (!v || !std::isfinite(*v)) continue;
      points += fmt::format("{:.1f},{:.1f} ", x(static_cast<double>(row.tokens)), y(*v));
    }
    if (points.empty()) return;
    svg += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" points=\"{}\"/>"
        "<text x=\"{}\" y=\"38\" fill=\"{}\">{}</text>\n",
        colour, points, label_x, colour, name);
  };
  curve("#7a9cc6", "training", kLeft, [](const MetricsRow& r) { return std::optional(r.loss); });
  curve("#c2410c", "held out", kLeft + 80, [](const MetricsRow& r) { return r.held_out_loss; });
  return svg + "</svg>\n";
}

}  // namespace hemiola::nn
