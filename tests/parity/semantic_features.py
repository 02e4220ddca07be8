"""What src/audiolm/features.cpp and kmeans.cpp must give, by numpy and scipy, for their tests.

Writes semantic_features.json beside this file; run with any Python that has numpy and scipy.
"""

import json
import pathlib

import numpy
import scipy.cluster.vq
import scipy.fft
import scipy.signal

RATE, HOP = 16000, 160


def noise(count):
    state, values = 1, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state / 2**32 - 0.5)
    return numpy.array(values)


def windows(sound, size, hop, count):
    padded = numpy.concatenate([numpy.zeros(size), sound, numpy.zeros(2 * size)])
    return numpy.stack([padded[size + t * hop + hop // 2 - size // 2:][:size] for t in range(count)])


i = numpy.arange(4000)
sound = (0.3 * numpy.sin(2 * numpy.pi * 220 * i / RATE)
         + 0.2 * numpy.sin(2 * numpy.pi * 1234.5 * i / RATE + 1) + 0.1 * noise(4000))
sound = sound.astype(numpy.float32).astype(float)
frames = -(-len(sound) // 640)

power = abs(scipy.fft.rfft(windows(sound, 400, HOP, 4 * frames)
                           * scipy.signal.get_window("hann", 400), 512)) ** 2
mel_of = lambda hertz: 1127 * numpy.log(1 + hertz / 700)
edges = numpy.linspace(mel_of(20), mel_of(7600), 82)
place = mel_of(numpy.arange(257) * RATE / 512)[:, None]
bank = numpy.maximum(0, numpy.minimum((place - edges[:-2]) / (edges[1:-1] - edges[:-2]),
                                      (edges[2:] - place) / (edges[2:] - edges[1:-1])))
bank[0] = 0
mel = numpy.log(power @ bank + 1e-4)

cepstra = scipy.fft.dct(mel, type=2, norm="ortho")[:, :13]


def differences(x):
    wide = numpy.pad(x, ((2, 2), (0, 0)), mode="edge")
    return (2 * (wide[4:] - wide[:-4]) + (wide[3:-1] - wide[1:-3])) / 10


first = differences(cepstra)
mfcc = numpy.concatenate([cepstra, first, differences(first)], 1).reshape(frames, 4, 39).mean(1)

magnitude = abs(scipy.fft.rfft(windows(sound, 4096, 640, frames)
                               * scipy.signal.get_window("hann", 4096)))
chroma = numpy.zeros((frames, 12))
for bin in range(1, 2049):
    hertz = bin * RATE / 4096
    if 55 <= hertz <= 2000:
        pitch = 69 + 12 * numpy.log2(hertz / 440)
        below = int(numpy.floor(pitch))
        chroma[:, below % 12] += (below + 1 - pitch) * magnitude[:, bin]
        chroma[:, (below + 1) % 12] += (pitch - below) * magnitude[:, bin]
chroma /= numpy.linalg.norm(chroma, axis=1, keepdims=True)

points = noise(200 * 3).reshape(200, 3)
units, distances = scipy.cluster.vq.vq(points, points[:7])

shorten = lambda values: [float(f"{value:.6g}") for value in numpy.ravel(values)]
golden = {"mel": shorten(mel[[0, 13, 27]]), "mfcc": shorten(mfcc), "chroma": shorten(chroma),
          "units": units.tolist(), "distances": shorten(distances**2)}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden).replace("], ", "],\n ") + "\n")
