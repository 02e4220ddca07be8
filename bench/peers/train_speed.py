"""Training speed beside PyTorch's: whole updates (forward, backward, clipping, AdamW) of the same shapes
on the same batches, with the largest resident memory of each, and the rate of matrix products on
this machine, which bounds both. Prints the table of docs/benchmarks.md.

  cmake --build build/release --target hemiola
  pip install torch transformers
  python bench/peers/train_speed.py build/release/hemiola

Every row is a process of its own, pinned to the same processors. --only NAME measures some rows and adds
them to the file --keep, so that a busy machine can be measured in parts; --print prints what is
there."""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHAPES = {
    "seed": dict(layers=6, heads=8, width=768, rows=2, length=1024),
    "small": dict(layers=6, heads=8, width=256, rows=8, length=512),
}
VOCABULARY, CONTEXT = 4050, 1024


def peak_mb():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def torch_product(torch, dtype, runs):
    """GFLOP/s of the product that training does most, by PyTorch's own library."""
    a, b = torch.randn(2048, 768, dtype=dtype), torch.randn(768, 3072, dtype=dtype)
    rates = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        for _ in range(4):
            a @ b
        rates.append(4 * 2 * 2048 * 768 * 3072 / (time.perf_counter() - start) / 1e9)
    return statistics.median(rates[1:])


def torch_row(shape, precision, compiled, threads, runs):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    s = SHAPES[shape]
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=s["width"], n_layer=s["layers"],
        n_head=s["heads"], resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        attn_implementation="sdpa", use_cache=False)
    model = GPT2LMHeadModel(config)
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-4, (0.9, 0.95), weight_decay=0.1, fused=True)
    forward = torch.compile(model) if compiled else model
    ids = torch.randint(0, VOCABULARY, (s["rows"], s["length"]))

    def update():
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

    for _ in range(2 if compiled else 1):
        update()
    rates = []
    for _ in range(runs):
        start = time.perf_counter()
        update()
        rates.append(ids.numel() / (time.perf_counter() - start))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    print(json.dumps(dict(tokens=statistics.median(rates), peak=peak_mb(),
                          product=torch_product(torch, dtype, runs), version=torch.__version__)))


def hemiola_row(a, shape, precision):
    s = SHAPES[shape]
    command = [a.hemiola, "bench", "train", "--preset", shape, "--precision", precision,
               "--threads", str(a.threads), "--rows", str(s["rows"]), "--length", str(s["length"]),
               "--runs", str(a.runs), "--json"]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    values = {r["name"].split(".")[0] + (".peak" if r["name"].endswith("peak") else ""): r["value"]
              for r in results["results"]}
    return dict(tokens=values["train"], peak=values["train.peak"], product=values["product"],
                version=results["machine"]["processor"] + ", " + results["machine"]["kernels"])


def flops_per_token(s):
    """Multiplications and additions of one token's forward and backward pass, attention causal."""
    weights = s["layers"] * 12 * s["width"] ** 2 + VOCABULARY * s["width"]
    attention = s["layers"] * 2 * s["length"] * s["width"]  # half of the square, two products
    return 3 * (2 * weights + attention)


def print_table(kept):
    for shape, s in SHAPES.items():
        rows = {k.split("/", 1)[1]: v for k, v in kept.items() if k.startswith(shape + "/")}
        if not rows:
            continue
        print(f"\n{shape}: {s['layers']} layers, width {s['width']}, {s['rows']} rows of {s['length']} "
              f"tokens, {flops_per_token(s) / 1e6:.0f} MFLOP a token\n")
        print("| | tokens/s | peak memory | matrix products by themselves | share of that limit |")
        print("|---|---|---|---|---|")
        for name, r in rows.items():
            limit = r["product"] * 1e9 / flops_per_token(s)
            print(f"| {name} | {r['tokens']:,.0f} | {r['peak']:,.0f} MB | {r['product']:,.0f} GFLOP/s "
                  f"| {100 * r['tokens'] / limit:.0f} % of {limit:,.0f} tokens/s |")
        ours = {k: r for k, r in rows.items() if k.startswith("Hemiola")}
        peers = {k: r for k, r in rows.items() if not k.startswith("Hemiola")}
        if ours and peers:
            best = max(ours.values(), key=lambda r: r["tokens"])
            peer = max(peers, key=lambda k: peers[k]["tokens"])
            least = min(peers, key=lambda k: peers[k]["peak"])
            print(f"\n{best['tokens'] / peers[peer]['tokens']:.2f} times {peer}; memory "
                  f"{best['peak'] / peers[least]['peak']:.2f} of {least}'s.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("hemiola", nargs="?")
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose name holds this, such as seed/PyTorch")
    parser.add_argument("--keep", type=Path, default=Path("train_speed.json"))
    parser.add_argument("--print", action="store_true", help="what --keep holds, nothing measured")
    parser.add_argument("--torch-row", nargs=3, help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.torch_row:
        shape, precision, compiled = a.torch_row
        torch_row(shape, precision, compiled == "compiled", a.threads, a.runs)
        return
    kept = json.loads(a.keep.read_text()) if a.keep.exists() else {}
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: a.threads]))
    for shape in () if a.print else SHAPES:
        rows = [(f"Hemiola {p}", lambda p=p: hemiola_row(a, shape, p)) for p in ("fp32", "bf16")]
        for precision in ("fp32", "bf16"):
            for how in ("eager", "compiled"):
                def row(precision=precision, how=how):
                    command = [sys.executable, __file__, "--threads", str(a.threads), "--runs",
                               str(a.runs), "--torch-row", shape, precision, how]
                    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                    return json.loads(done.stdout.splitlines()[-1])
                rows.append((f"PyTorch {precision}, {how}", row))
        for name, measure in rows:
            if a.only in f"{shape}/{name}":
                kept[f"{shape}/{name}"] = measure()
                a.keep.write_text(json.dumps(kept, indent=1))
                print(f"{shape}/{name}: {kept[f'{shape}/{name}']}", file=sys.stderr)
    print_table(kept)


if __name__ == "__main__":
    main()
