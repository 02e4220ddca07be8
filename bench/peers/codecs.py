"""Other codecs on a set of sounds, by the measures of `hemiola audiolm measure`: Lyra v2 (its TFLite
graphs, run by LiteRT) at 3.2, 6 and 9.2 kbit/s, and Opus at 6 kbit/s (libopus).

    pip install ai-edge-litert numpy
    python bench/peers/codecs.py SET --lyra FOLDER [--split test] [--most 24]

SET is what `hemiola audiolm prepare` wrote. Reconstructions are moved by the delay that fits best
(up to 60 ms) before they are measured. One line a codec on stdout.
"""
import argparse
import ctypes
import ctypes.util
import json
import pathlib

import numpy as np

RATE, HOP = 16000, 320
SCALES = [(64, 8), (128, 16), (256, 32), (512, 64), (1024, 96), (2048, 128)]
FLOOR = 1e-4


def mel_filters(window, bands):
    bins = window // 2 + 1
    hz = np.arange(bins) * RATE / window
    step = 1127 * np.log1p(RATE / 2 / 700) / (bands + 1)
    place = 700 * np.expm1(np.arange(bands + 2) * step / 1127)
    centre = place[1:-1, None]
    low = np.minimum(place[:-2, None], centre - RATE / window)
    high = np.maximum(place[2:, None], centre + RATE / window)
    rows = np.maximum(0, np.where(hz <= centre, (hz - low) / (centre - low),
                                  (high - hz) / (high - centre)))
    return rows / rows.sum(1, keepdims=True)


FILTERS = {window: mel_filters(window, bands) for window, bands in SCALES}


def magnitudes(sound, window):
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(sound, window // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: window // 4]
    return np.abs(np.fft.rfft(frames * (hann * 2 / hann.sum()), axis=1))


def measure(estimate, target):
    scale = estimate @ target / (target @ target + 1e-9)
    rest = estimate - scale * target
    si_sdr = 10 * np.log10(((scale * target) @ (scale * target) + 1e-9) / (rest @ rest + 1e-9))
    stft, mel = [], []
    for window, _ in SCALES:
        a, b = magnitudes(target, window), magnitudes(estimate, window)
        if window >= 512:
            stft.append(np.linalg.norm(a - b) / np.sqrt((a * a).sum() + 1e-12) +
                        np.abs(np.log(a + FLOOR) - np.log(b + FLOOR)).mean())
        f = FILTERS[window].T
        mel.append(np.abs(np.log(a @ f + FLOOR) - np.log(b @ f + FLOOR)).mean())
    return si_sdr, np.mean(stft), np.mean(mel)


def aligned(estimate, target):
    """`estimate` without its delay, as long as `target`."""
    size = 1 << (len(estimate) + len(target)).bit_length()
    cross = np.fft.irfft(np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(target, size)))
    delay = int(np.argmax(cross[:960]))
    out = estimate[delay:delay + len(target)]
    return np.pad(out, (0, len(target) - len(out)))


class Lyra:
    def __init__(self, folder, quantizers):
        from ai_edge_litert.interpreter import Interpreter
        load = lambda name: Interpreter(str(folder / f"{name}.tflite"))
        self.encoder, self.decoder = load("soundstream_encoder"), load("lyragan")
        quantizer = load("quantizer")
        self.encode = quantizer.get_signature_runner("encode")
        self.decode = quantizer.get_signature_runner("decode")
        self.quantizers = quantizers

    def __call__(self, sound):
        for graph in (self.encoder, self.decoder):
            graph.allocate_tensors()
            graph.reset_all_variables()
        out = []
        for at in range(0, len(sound) + 1600, HOP):
            frame = sound[at:at + HOP]
            frame = np.pad(frame, (0, HOP - len(frame))).astype(np.float32)
            features = run(self.encoder, frame[None])
            codes = self.encode(input_frames=features,
                                num_quantizers=np.array(self.quantizers, np.int32))
            codes = next(v for v in codes.values() if v.size > 1)
            quantised = self.decode(encoding_indices=codes)["output_0"]
            out.append(run(self.decoder, quantised).ravel())
        return np.concatenate(out).astype(np.float64)


def run(graph, value):
    graph.set_tensor(graph.get_input_details()[0]["index"], value)
    graph.invoke()
    return graph.get_tensor(graph.get_output_details()[0]["index"])


class Opus:
    def __init__(self, bits):
        self.lib = ctypes.CDLL(ctypes.util.find_library("opus"))
        self.lib.opus_encoder_create.restype = ctypes.c_void_p
        self.lib.opus_decoder_create.restype = ctypes.c_void_p
        self.bits, self.bytes = bits, 0

    def __call__(self, sound):
        error = ctypes.c_int()
        encoder = ctypes.c_void_p(
            self.lib.opus_encoder_create(RATE, 1, 2049, ctypes.byref(error)))  # audio
        decoder = ctypes.c_void_p(self.lib.opus_decoder_create(RATE, 1, ctypes.byref(error)))
        self.lib.opus_encoder_ctl(encoder, ctypes.c_int(4002), ctypes.c_int(self.bits))
        packet, pcm = ctypes.create_string_buffer(4000), (ctypes.c_float * HOP)()
        out = []
        for at in range(0, len(sound) + 1600, HOP):
            frame = sound[at:at + HOP]
            frame = np.pad(frame, (0, HOP - len(frame))).astype(np.float32)
            size = self.lib.opus_encode_float(encoder, frame.ctypes.data_as(ctypes.c_void_p), HOP,
                                              packet, 4000)
            self.lib.opus_decode_float(decoder, packet, size, pcm, HOP, 0)
            self.bytes += size
            out.append(np.array(pcm))
        self.lib.opus_encoder_destroy(encoder)
        self.lib.opus_decoder_destroy(decoder)
        return np.concatenate(out).astype(np.float64)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("set", type=pathlib.Path)
    parser.add_argument("--lyra", type=pathlib.Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--most", type=int, default=24)
    a = parser.parse_args()
    numbers = np.memmap(a.set / "sound.i16", np.int16, "r")
    pieces = [p for p in json.loads((a.set / "sound.json").read_text())["pieces"]
              if p["split"] == a.split][:a.most]
    sounds = [numbers[p["start"]:p["start"] + p["samples"]] / 32768.0 for p in pieces]
    codecs = {"opus 6 kbit/s": Opus(6000)}
    if a.lyra:
        codecs |= {f"lyra {n * 0.2:.1f} kbit/s": Lyra(a.lyra, n) for n in (16, 30, 46)}
    for name, codec in codecs.items():
        figures = np.mean([measure(aligned(codec(s), s), s) for s in sounds], axis=0)
        rate = ""
        if isinstance(codec, Opus):
            seconds = sum(len(s) + 1600 for s in sounds) / RATE
            rate = f", {codec.bytes * 8 / seconds / 1000:.1f} kbit/s in fact"
        print(f"{name}: {len(sounds)} pieces, SI-SDR {figures[0]:.2f} dB, STFT {figures[1]:.3f}, "
              f"mel {figures[2]:.3f}{rate}", flush=True)


if __name__ == "__main__":
    main()
