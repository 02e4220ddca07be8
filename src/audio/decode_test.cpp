// Sound files made here by other programs' encoders, read back by ours.
#include "audio/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "audio/resample.h"

namespace hemiola {
namespace {

using testing::HasSubstr;

constexpr double kLeft = 440, kRight = 1000;  // Hz

Audio tone(int rate, double seconds, double amplitude = 0.25) {
  Audio audio{rate, 2, {}};
  for (int i = 0; i < static_cast<int>(seconds * rate); ++i) {
    for (const double frequency : {kLeft, kRight}) {
      audio.samples.push_back(
          static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * frequency * i / rate)));
    }
  }
  return audio;
}

// The amplitude of one frequency in one channel, over the middle half.
double amplitude(const Audio& audio, int channel, double frequency) {
  const std::size_t begin = audio.frames() / 4, end = 3 * audio.frames() / 4;
  std::complex<double> sum = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const double sample = audio.samples[i * static_cast<std::size_t>(audio.channels) +
                                        static_cast<std::size_t>(channel)];
    sum += sample * std::polar(1.0, -2 * std::numbers::pi * frequency * static_cast<double>(i) /
                                        audio.sample_rate);
  }
  return 2 * std::abs(sum) / static_cast<double>(end - begin);
}

// Encodes with FFmpeg's own encoders into a file of the given format.
Bytes encode(const Audio& audio, const char* format, const char* encoder_name) {
  const AVCodec* codec = avcodec_find_encoder_by_name(encoder_name);
  if (codec == nullptr) return {};
  AVFormatContext* output = nullptr;
  avformat_alloc_output_context2(&output, nullptr, format, nullptr);
  avio_open_dyn_buf(&output->pb);
  AVStream* stream = avformat_new_stream(output, codec);
  AVCodecContext* encoder = avcodec_alloc_context3(codec);
  encoder->sample_fmt = codec->sample_fmts[0];
  encoder->sample_rate = audio.sample_rate;
  encoder->bit_rate = 128000;
  encoder->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
  av_channel_layout_default(&encoder->ch_layout, audio.channels);
  encoder->time_base = {1, audio.sample_rate};
  if ((output->oformat->flags & AVFMT_GLOBALHEADER) != 0) {
    encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  }
  EXPECT_GE(avcodec_open2(encoder, codec, nullptr), 0) << encoder_name;
  avcodec_parameters_from_context(stream->codecpar, encoder);
  stream->time_base = encoder->time_base;
  EXPECT_GE(avformat_write_header(output, nullptr), 0) << format;
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  const auto drain = [&] {
    while (avcodec_receive_packet(encoder, packet) >= 0) {
      av_packet_rescale_ts(packet, encoder->time_base, stream->time_base);
      av_write_frame(output, packet);
      av_packet_unref(packet);
    }
  };
  const int size = encoder->frame_size > 0 ? encoder->frame_size : 1024;
  const auto channels = static_cast<std::size_t>(audio.channels);
  const int total = static_cast<int>(audio.frames());
  for (int at = 0; at < total; at += size) {
    frame->nb_samples = std::min(size, total - at);
    frame->format = encoder->sample_fmt;
    frame->sample_rate = audio.sample_rate;
    av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
    frame->pts = at;
    av_frame_get_buffer(frame, 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(frame->nb_samples); ++i) {
      for (std::size_t c = 0; c < channels; ++c) {
        const float value = audio.samples[(static_cast<std::size_t>(at) + i) * channels + c];
        const auto integer = static_cast<std::int16_t>(std::lround(value * 32767));
        switch (encoder->sample_fmt) {
          case AV_SAMPLE_FMT_FLTP:
            reinterpret_cast<float*>(frame->data[c])[i] = value;
            break;
          case AV_SAMPLE_FMT_FLT:
            reinterpret_cast<float*>(frame->data[0])[i * channels + c] = value;
            break;
          case AV_SAMPLE_FMT_S16P:
            reinterpret_cast<std::int16_t*>(frame->data[c])[i] = integer;
            break;
          case AV_SAMPLE_FMT_S16:
            reinterpret_cast<std::int16_t*>(frame->data[0])[i * channels + c] = integer;
            break;
          case AV_SAMPLE_FMT_S32P:
            reinterpret_cast<std::int32_t*>(frame->data[c])[i] = integer * 65536;
            break;
          case AV_SAMPLE_FMT_S32:
            reinterpret_cast<std::int32_t*>(frame->data[0])[i * channels + c] = integer * 65536;
            break;
          case AV_SAMPLE_FMT_U8:
            frame->data[0][i * channels + c] =
                static_cast<std::uint8_t>(std::lround(value * 127) + 128);
            break;
          default:
            ADD_FAILURE() << "samples of type " << encoder->sample_fmt;
        }
      }
    }
    avcodec_send_frame(encoder, frame);
    av_frame_unref(frame);
    drain();
  }
  avcodec_send_frame(encoder, nullptr);
  drain();
  av_write_trailer(output);
  std::uint8_t* buffer = nullptr;
  const int written = avio_close_dyn_buf(output->pb, &buffer);
  Bytes bytes(buffer, buffer + written);
  av_free(buffer);
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&encoder);
  avformat_free_context(output);
  return bytes;
}

struct Kind {
  const char* format;
  const char* encoder;
  int rate;
  double tolerance;  // of the amplitude 0.25
};

constexpr Kind kKinds[] = {
    {"wav", "pcm_s16le", 44100, 1e-3},  {"wav", "pcm_f32le", 96000, 1e-5},
    {"wav", "pcm_u8", 8000, 1e-2},      {"wav", "pcm_s24le", 48000, 1e-3},
    {"wav", "pcm_mulaw", 44100, 1e-2},  {"wav", "adpcm_ms", 44100, 1e-2},
    {"flac", "flac", 44100, 1e-3},      {"mp3", "libmp3lame", 44100, 2e-2},
    {"ogg", "libvorbis", 44100, 1e-2},  {"ogg", "flac", 22050, 1e-3},
    {"ogg", "libopus", 48000, 1e-2},    {"webm", "libopus", 48000, 1e-2},
    {"webm", "libvorbis", 48000, 1e-2}, {"ipod", "aac", 44100, 1e-2},
    {"mp4", "alac", 44100, 1e-3},       {"adts", "aac", 48000, 1e-2},
    {"aiff", "pcm_s16be", 44100, 1e-3},
};

TEST(Decode, EveryKindOfFile) {
  for (const Kind& kind : kKinds) {
    SCOPED_TRACE(fmt::format("{} in {}", kind.encoder, kind.format));
    const Audio original = tone(kind.rate, 1.5);
    const Bytes bytes = encode(original, kind.format, kind.encoder);
    ASSERT_FALSE(bytes.empty());
    const auto audio = decode_audio(bytes);
    ASSERT_TRUE(audio) << audio.error().message;
    EXPECT_EQ(audio->sample_rate, kind.rate);
    ASSERT_EQ(audio->channels, 2);
    EXPECT_NEAR(audio->length().count(), 1.5, 0.06);  // codecs add up to a frame or two
    EXPECT_NEAR(amplitude(*audio, 0, kLeft), 0.25, kind.tolerance);
    EXPECT_NEAR(amplitude(*audio, 1, kRight), 0.25, kind.tolerance);
    EXPECT_LT(amplitude(*audio, 0, kRight), 0.01);
    const auto mono = decode_audio(bytes, {.sample_rate = 22050, .mono = true});
    ASSERT_TRUE(mono) << mono.error().message;
    EXPECT_EQ(mono->sample_rate, 22050);
    ASSERT_EQ(mono->channels, 1);
    EXPECT_NEAR(mono->length().count(), audio->length().count(), 1e-3);
    EXPECT_NEAR(amplitude(*mono, 0, kLeft), 0.125, kind.tolerance);
    EXPECT_NEAR(amplitude(*mono, 0, kRight), 0.125, kind.tolerance);
  }
}

TEST(Decode, PcmIsExact) {
  const Audio original = tone(44100, 0.5);
  const auto audio = decode_audio(encode(original, "wav", "pcm_f32le"));
  ASSERT_TRUE(audio);
  EXPECT_EQ(audio->samples, original.samples);
}

TEST(Decode, RefusesWhatIsNoSound) {
  const auto refuses = [](const Bytes& bytes, const char* words) {
    const auto audio = decode_audio(bytes);
    ASSERT_FALSE(audio);
    EXPECT_THAT(audio.error().message, HasSubstr(words));
  };
  refuses({}, "empty");
  refuses(Bytes(100, 0), "not a sound file");
  const std::string text = "#!/bin/sh\necho no sound\n";
  refuses(Bytes(text.begin(), text.end()), "not a sound file");
  // A playlist names other files; it is not even looked at.
  const std::string list = "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n";
  refuses(Bytes(list.begin(), list.end()), "not a sound file");
  const std::string concat = "ffconcat version 1.0\nfile /etc/passwd\n";
  refuses(Bytes(concat.begin(), concat.end()), "not a sound file");
}

TEST(Decode, BelievesNoHeader) {
  Bytes bytes = encode(tone(44100, 1), "wav", "pcm_s16le");
  // The size of the data chunk, after its name: endless.
  const std::string_view name = "data";
  const auto at = std::search(bytes.begin(), bytes.end(), name.begin(), name.end()) + 4;
  std::fill_n(at, 4, std::uint8_t{0xff});
  const auto endless = decode_audio(bytes);
  ASSERT_TRUE(endless) << endless.error().message;
  EXPECT_NEAR(endless->length().count(), 1, 1e-3);
  bytes.resize(bytes.size() / 2);
  const auto cut = decode_audio(bytes);
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_NEAR(cut->length().count(), 0.5, 0.03);
}

TEST(Decode, DamageIsPassedOver) {
  Bytes bytes = encode(tone(44100, 3), "mp3", "libmp3lame");
  ASSERT_FALSE(bytes.empty());
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 3 + 2000; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 37);
  }
  const auto audio = decode_audio(bytes);
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_GT(audio->length().count(), 2);
}

TEST(Decode, HoldsItsLimits) {
  const Bytes bytes = encode(tone(44100, 3), "flac", "flac");
  const auto audio = decode_audio(bytes, {.longest = Seconds(2)});
  ASSERT_FALSE(audio);
  EXPECT_THAT(audio.error().message, HasSubstr("longer than 2 s"));
  EXPECT_TRUE(decode_audio(bytes, {.longest = Seconds(3.1)}));
}

TEST(Decode, LeavesOutTheRestWhereToldTo) {
  const Bytes bytes = encode(tone(44100, 3), "flac", "flac");
  const Audio whole = decode_audio(bytes).value();
  const Audio cut = decode_audio(bytes, {.longest = Seconds(1.5), .cut = true}).value();
  ASSERT_EQ(cut.frames(), 66150u);
  EXPECT_TRUE(std::equal(cut.samples.begin(), cut.samples.end(), whole.samples.begin()));
  const DecodeOptions options = {
      .sample_rate = 16000, .mono = true, .longest = Seconds(1.5), .cut = true};
  EXPECT_EQ(decode_audio(bytes, options)->samples.size(), 24000u);
  EXPECT_EQ(decode_audio(bytes, {.longest = Seconds(4), .cut = true})->frames(), whole.frames());
}

TEST(Decode, StopsWhenTold) {
  const Bytes bytes = encode(tone(44100, 10), "wav", "pcm_s16le");
  int calls = 0;
  const auto audio = decode_audio(bytes, {.progress = [&](double) { return ++calls < 2; }});
  EXPECT_FALSE(audio);
  EXPECT_EQ(calls, 2);
}

TEST(Decode, WhatIsNotANumberBecomesSilence) {
  Audio audio = tone(22050, 0.5);
  audio.samples[1000] = std::nanf("");
  audio.samples[2001] = std::numeric_limits<float>::infinity();
  const auto decoded = decode_audio(encode(audio, "wav", "pcm_f32le"));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->samples[1000], 0);
  EXPECT_EQ(decoded->samples[2001], 0);
}

TEST(Resample, KeepsWhatFitsAndNothingElse) {
  Audio audio{44100, 1, {}};
  for (int i = 0; i < 44100; ++i) {
    audio.samples.push_back(
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 1000 * i / 44100.0) +
                           0.4 * std::sin(2 * std::numbers::pi * 15000 * i / 44100.0)));
  }
  const auto half = mono_at(audio, 22050);
  ASSERT_TRUE(half);
  ASSERT_NEAR(static_cast<double>(half->size()), 22050, 1);
  for (int i = 2000; i < 20000; ++i) {
    // 15 kHz does not fit: it must be gone, not folded back.
    ASSERT_NEAR((*half)[static_cast<std::size_t>(i)],
                0.5 * std::sin(2 * std::numbers::pi * 1000 * i / 22050.0), 2e-5);
  }
}

TEST(Resample, BlocksOfAnySizeGiveTheSame) {
  const Audio audio = tone(48000, 0.7);
  std::vector<std::vector<float>> results;
  for (const std::size_t block : {7u, 1000u, 1u << 20}) {
    auto resampler = Resampler::create(48000, 22050, 2);
    ASSERT_TRUE(resampler);
    std::vector<float> out;
    for (std::size_t i = 0; i < audio.samples.size(); i += 2 * block) {
      resampler->process(
          std::span(audio.samples).subspan(i, std::min(2 * block, audio.samples.size() - i)), out);
    }
    resampler->finish(out);
    results.push_back(std::move(out));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[1], results[2]);
  EXPECT_NEAR(static_cast<double>(results[0].size()) / 2, 0.7 * 22050, 1);
  EXPECT_FALSE(Resampler::create(0, 22050, 1));
}

}  // namespace
}  // namespace hemiola
