"""From MIDI to tokens beside symusic (parsing) and MidiTok (REMI with its own byte-pair merges of the same
size): ms a file on one processor, over the same files, the median of several rounds over all of them.
Prints the table of docs/benchmarks.md.

  cmake --build build/release --target hemiola
  pip install miditok symusic
  python bench/peers/tokenize_speed.py build/release/hemiola TOKENIZER NAME=FOLDER ...

TOKENIZER is Hemiola's (hemiola tokenizer train); MidiTok's is trained here on a part of the first
folder and kept beside --keep. Both take the beats that the file states, as MidiTok knows no other;
"tracked" finds them where music was played freely. --only measures some rows and adds them to
what --keep holds; --print prints that."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

VOCABULARY = 4050


def sample(folder, count):
    files = sorted(p for p in Path(folder).rglob("*.mid") if p.name != "midi_score.mid")
    return [files[i * len(files) // count] for i in range(min(count, len(files)))]


def rounds(files, runs, work):
    """Median ms a file, and how many files it failed on in the last round."""
    taken = []
    for _ in range(runs + 1):
        failed = 0
        start = time.perf_counter()
        for file in files:
            try:
                work(file)
            except Exception:
                failed += 1
        taken.append(1e3 * (time.perf_counter() - start) / len(files))
    return statistics.median(taken[1:]), failed


def hemiola_rows(a, files):
    command = [a.hemiola, "bench", "tokenize", *map(str, files), "--tokenizer", a.tokenizer,
               "--threads", "1,2", "--runs", str(a.runs), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {r["name"]: r["value"] for r in json.loads(done.stdout)["results"]}


def on_one_processor():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def symusic_rows(a, files):
    import symusic
    on_one_processor()
    ms, failed = rounds(files, a.runs, lambda file: symusic.Score(file))
    return {"read": ms, "refused": failed}


def miditok_rows(a, files):
    import miditok
    import symusic
    on_one_processor()
    saved = a.keep.with_suffix(".miditok.json")
    if not saved.exists():
        folder = a.collections[0].split("=", 1)[1]
        tokenizer = miditok.REMI(miditok.TokenizerConfig(use_tempos=True, use_time_signatures=True,
                                                         use_programs=True))
        tokenizer.train(vocab_size=VOCABULARY, files_paths=sample(folder, 1000))
        tokenizer.save(saved)
    tokenizer = miditok.REMI(params=saved)
    counts = {"tokens": 0}

    def work(file):
        sequence = tokenizer(symusic.Score(file))
        sequences = sequence if isinstance(sequence, list) else [sequence]
        counts["tokens"] = sum(len(s.ids) for s in sequences)

    ms, failed = rounds(files, a.runs, work)
    return {"tokens": ms, "refused": failed, "vocabulary": tokenizer.vocab_size}


def print_table(kept):
    print("| ms a file, one processor | " + " | ".join(kept) + " |")
    print("|---" * (len(kept) + 1) + "|")
    columns = kept.values()

    def row(name, value, form="{:.3f}"):
        cells = []
        for c in columns:
            try:
                cells.append(form.format(value(c)))
            except KeyError:
                cells.append("")
        print(f"| {name} | " + " | ".join(cells) + " |")

    row("files", lambda c: c["Hemiola"]["files"], "{:.0f}")
    row("Hemiola: parse from memory", lambda c: c["Hemiola"]["parse.t1"])
    row("Hemiola: open and parse", lambda c: c["Hemiola"]["read.t1"])
    row("symusic: open and parse", lambda c: c["symusic"]["read"])
    row("symusic / Hemiola", lambda c: c["symusic"]["read"] / c["Hemiola"]["read.t1"], "**{:.1f}**")
    row("Hemiola: open, parse, standardise, encode with merges", lambda c: c["Hemiola"]["tokens.t1"])
    row("... finding the beats of what was played", lambda c: c["Hemiola"]["tracked.t1"])
    row("MidiTok: read, REMI, merges", lambda c: c["MidiTok"]["tokens"], "{:.1f}")
    row("MidiTok / Hemiola", lambda c: c["MidiTok"]["tokens"] / c["Hemiola"]["tokens.t1"], "**{:.0f}**")
    row("Hemiola on two processors, times as fast",
        lambda c: c["Hemiola"]["tokens.t1"] / c["Hemiola"]["tokens.t2"], "**{:.2f}**")
    row("refused: Hemiola", lambda c: c["Hemiola"]["refused"], "{:.0f}")
    row("refused: MidiTok", lambda c: c["MidiTok"]["refused"], "{:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("hemiola", nargs="?")
    parser.add_argument("tokenizer", nargs="?")
    parser.add_argument("collections", nargs="*", metavar="NAME=FOLDER")
    parser.add_argument("--files", type=int, default=150, help="of each folder, evenly spread")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name holds this, such as piano/symusic")
    parser.add_argument("--keep", type=Path, default=Path("tokenize_speed.json"))
    parser.add_argument("--print", action="store_true", help="what --keep holds, nothing measured")
    a = parser.parse_args()
    kept = json.loads(a.keep.read_text()) if a.keep.exists() else {}
    for collection in () if a.print else a.collections:
        name, folder = collection.split("=", 1)
        files = sample(folder, a.files)
        all_processors = os.sched_getaffinity(0)
        for peer, measure in (("Hemiola", hemiola_rows), ("symusic", symusic_rows),
                              ("MidiTok", miditok_rows)):
            if a.only not in f"{name}/{peer}":
                continue
            kept.setdefault(name, {})[peer] = measure(a, files)
            os.sched_setaffinity(0, all_processors)
            a.keep.write_text(json.dumps(kept, indent=1))
            print(f"{name}/{peer}: {kept[name][peer]}", file=sys.stderr)
    print_table(kept)


if __name__ == "__main__":
    main()
