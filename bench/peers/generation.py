"""Generation beside its peers: llama.cpp (built by llama_build.sh) and PyTorch (requirements.txt), all
with one random model of our shape, tokens decoded from an empty context up to 1,000. A round runs each
once, in turn; rounds are kept in RESULTS, so several calls add up. Prints the table for
docs/benchmarks.md (also into --table): medians, and ratios of medians.

  bench/peers/llama_build.sh LLAMA
  pip install -r bench/peers/requirements.txt
  python bench/peers/generation.py LLAMA --hemiola build/release/hemiola --rounds 5"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
SHAPES = {"seed": (6, 8, 768), "small": (6, 8, 256)}  # layers, heads, width
VOCABULARY, CONTEXT = 4050, 1024
FORMATS = ["F32", "F16", "BF16", "Q8_0", "Q4_0"]
BATCH = 8


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


class Peers:
    def __init__(self, options):
        self.options = options
        self.llama = options.llama / "llama_decode"
        self.folder = options.llama / options.preset
        self.results = json.loads(options.results.read_text()) if options.results.exists() else {}

    def gguf(self, kind):
        return self.folder / f"{kind}.gguf"

    def prepare(self):
        """The random model as a folder and in each of llama.cpp's formats."""
        self.folder.mkdir(exist_ok=True)
        model = self.folder / "model"
        if not model.exists():
            from transformers import GPT2Config, GPT2LMHeadModel
            layers, heads, width = SHAPES[self.options.preset]
            GPT2LMHeadModel(GPT2Config(
                n_layer=layers, n_head=heads, n_embd=width, n_positions=CONTEXT, n_ctx=CONTEXT,
                vocab_size=VOCABULARY, bos_token_id=None, eos_token_id=None)).save_pretrained(model)
            config = json.loads((model / "config.json").read_text())
            config["n_ctx"] = CONTEXT  # the converter reads it
            (model / "config.json").write_text(json.dumps(config, indent=1))
        if not self.gguf("F32").exists():
            run(sys.executable, HERE / "llama_convert.py", self.options.llama / "source", model,
                "--outfile", self.gguf("F32"), "--outtype", "f32")
        for kind in FORMATS[1:]:
            if not self.gguf(kind).exists():
                run(self.llama, "quantize", self.gguf("F32"), self.gguf(kind), kind)

    def keep(self, name, value):
        self.results.setdefault(name, []).append(value)
        self.options.results.write_text(json.dumps(self.results, indent=1))
        print(f"{name:44} {value:10.1f}", file=sys.stderr)

    def run_llama(self):
        for kind in self.options.formats:
            for threads in self.options.peer_threads:
                streams = (BATCH if kind in self.options.batch_formats
                           and threads == max(self.options.peer_threads) else 1)
                for fused in self.options.fused_attention:
                    rates = json.loads(run(
                        self.llama, "run", self.gguf(kind), threads, self.options.tokens,
                        self.options.prompt, streams, fused))
                    suffix = f"{kind}{'.fa' if fused == '1' else ''}.t{threads}"
                    self.keep(f"llama.decode.{suffix}", rates["decode"])
                    self.keep(f"llama.prefill.{suffix}", rates["prefill"])
                    if streams > 1:
                        self.keep(f"llama.batch{BATCH}.{suffix}", rates["batch"])

    def run_torch(self):
        for compiled in ([], ["--compile"]) if self.options.compiled else ([],):
            out = run(sys.executable, HERE / "torch_decode.py", self.folder / "model", "--tokens",
                      self.options.tokens, "--prompt", self.options.prompt, "--threads", max(self.options.peer_threads), *compiled)
            for name, values in json.loads(out.splitlines()[-1]).items():
                self.keep(f"torch.{name}", values[0])

    def run_hemiola(self):
        command = [self.options.hemiola, "bench"]
        threads = ",".join(map(str, self.options.threads))
        for what in ("machine", "decode"):
            extra = ["--preset", self.options.preset, "--precision", ",".join(self.options.precisions),
                     "--tokens", self.options.tokens] if what == "decode" else []
            for row in json.loads(run(*command, what, *extra, "--threads", threads, "--runs", 1,
                                      "--json"))["results"]:
                self.keep(f"hemiola.{row['name']}", row["value"])

    def run_round(self):
        for who in self.options.who:
            getattr(self, f"run_{who}")()

    def best(self, prefix):
        """The fastest of those whose name begins so: name without the prefix, median."""
        medians = {name.removeprefix(prefix): median(values)
                   for name, values in self.results.items() if name.startswith(prefix)}
        name = max(medians, key=medians.get, default=None)
        return name, medians.get(name, float("nan"))

    def value(self, name):
        return median(self.results[name]) if name in self.results else float("nan")

    def table(self):
        lines = [f"| {self.options.preset} shape | median | least to most | runs |",
                 "|---|---|---|---|"]
        for name, values in sorted(self.results.items()):
            lines.append(f"| {name} | {median(values):.1f} | {min(values):.1f} to "
                         f"{max(values):.1f} | {len(values)} |")
        lines += ["", "| target | ours | theirs | ratio | wanted |", "|---|---|---|---|---|"]

        def row(what, mine, name, theirs, wanted):
            lines.append(f"| {what} | {mine:.0f} | {theirs:.0f} {name or ''} | "
                         f"{mine / theirs:.2f} | {wanted} |")

        threads = max(self.options.threads)
        for kind in self.options.precisions:
            one = f"hemiola.decode.{kind}.t"
            name, single = max(((f"{one}{t}", self.value(f"{one}{t}"))
                                for t in self.options.threads), key=lambda pair: pair[1])
            batch = self.value(f"hemiola.decode.{kind}.t{threads}.b{BATCH}")
            row(f"{kind}: one stream, beside Q8_0", single, *self.best("llama.decode.Q8_0"), 2.5)
            row(f"{kind}: one stream, beside llama.cpp's best", single, *self.best("llama.decode."), 2)
            row(f"{kind}: one stream, beside PyTorch's best", single, *self.best("torch.decode."), 6)
            row(f"{kind}: batch of {BATCH}, beside one stream", batch, "", single, 4)
            row(f"{kind}: batch of {BATCH}, beside llama.cpp's best", batch,
                *self.best(f"llama.batch{BATCH}."), 2)
            row(f"{kind}: prompt of {self.options.prompt}, beside llama.cpp's best",
                self.value(f"hemiola.prefill.{kind}.t{threads}"), *self.best("llama.prefill."), 1.3)
            for t in self.options.threads:
                row(f"{kind}: GB/s of weights and cache, {t} threads, beside reading as much",
                    self.value(f"hemiola.bytes.{kind}.t{t}"), "",
                    self.value(f"hemiola.read.{kind}.t{t}"), 0.7)
        return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("llama", type=Path, help="the folder of llama_build.sh")
    parser.add_argument("--hemiola", type=Path, default=Path("build/release/hemiola"))
    parser.add_argument("--preset", choices=SHAPES, default="seed")
    parser.add_argument("--results", type=Path, default=Path("generation.json"))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--threads", type=lambda text: [int(t) for t in text.split(",")],
                        default=[1, 2])
    parser.add_argument("--peer-threads", type=lambda text: [int(t) for t in text.split(",")],
                        default=[1, 2])
    parser.add_argument("--who", type=lambda text: text.split(","), default=["hemiola", "llama", "torch"])
    parser.add_argument("--formats", type=lambda text: text.split(","), default=FORMATS)
    parser.add_argument("--batch-formats", type=lambda text: text.split(","),
                        default=["F16", "Q8_0", "Q4_0"])
    parser.add_argument("--fused-attention", type=lambda text: text.split(","), default=["0", "1"],
                        help="llama.cpp's, off and on")
    parser.add_argument("--compiled", action="store_true",
                        help="PyTorch compiled as well (minutes to compile)")
    parser.add_argument("--precisions", type=lambda text: text.split(","), default=["int8", "int4"],
                        help="ours: int4, int8, bf16, fp32")
    options = parser.parse_args()
    peers = Peers(options)
    peers.prepare()
    for number in range(options.rounds):
        print(f"round {number + 1}, {time.strftime('%H:%M:%S')}", file=sys.stderr)
        peers.run_round()
    table = peers.table()
    print(table)
    if options.table:
        options.table.write_text(table + "\n")


main()
