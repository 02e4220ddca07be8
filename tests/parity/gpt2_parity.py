#!/usr/bin/env python3
"""Compares GPT-2 here with GPT2LMHeadModel of transformers (PyPI: torch transformers).

  gpt2_parity.py write            writes tests/parity/gpt2*: tiny random models saved by transformers
                                  and the logits it gives, which the engine's tests read
  gpt2_parity.py check PROGRAM    has PROGRAM (engine_test) save models of its own with their logits,
                                  loads them with transformers and compares; exit status 1 if they
                                  differ by 1e-4 or more
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Model

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-4


def logits_of(model, tokens):
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0].double()


def write(folder, dtype, bare, seed):
    """bare: saved as GPT2Model, so that no tensor name has the prefix "transformer."."""
    torch.manual_seed(seed)
    config = GPT2Config(vocab_size=29, n_positions=20, n_embd=12, n_head=2, n_layer=2,
                        initializer_range=0.4, bos_token_id=0, eos_token_id=1)
    model = GPT2LMHeadModel(config).to(dtype).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias") or ".ln_" in name:
                value += 0.3 * torch.randn_like(value)
    tokens = torch.randint(0, 29, (18,)).tolist()
    (model.transformer if bare else model).save_pretrained(folder)
    for extra in ("generation_config.json",):
        (folder / extra).unlink(missing_ok=True)
    loaded = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    greedy = [3]
    while len(greedy) < 18:
        greedy.append(int(logits_of(loaded, greedy)[-1].argmax()))
    golden = {"tokens": tokens,
              "logits": [[round(x, 6) for x in row] for row in logits_of(loaded, tokens).tolist()],
              "greedy": greedy}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(folder, "written")


def check(program):
    worst = 0.0
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([program, "--gtest_filter=ParityOut.WritesModelsForOthers"], check=True,
                       env={**os.environ, "HEMIOLA_PARITY_OUT": place}, stdout=subprocess.DEVNULL)
        folders = sorted(p.parent for p in Path(place).glob("*/config.json"))
        assert folders, "the program wrote no model"
        for folder in folders:
            said = json.loads(Path(f"{folder}.logits.json").read_text())
            model, report = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
            assert not any(report.values()), f"{folder.name}: {report}"
            theirs = logits_of(model.eval(), said["tokens"])
            ours = torch.tensor(said["logits"], dtype=torch.double)
            difference = float((theirs - ours).abs().max())
            size = float(theirs.std())
            print(f"{folder.name}: largest difference {difference:.2e} of logits of size {size:.2f}")
            worst = max(worst, difference)
    return worst < TOLERANCE


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write(HERE / "gpt2", torch.float32, False, 1)
        write(HERE / "gpt2_bare_bf16", torch.bfloat16, True, 2)
    elif len(sys.argv) == 3 and sys.argv[1] == "check":
        sys.exit(0 if check(sys.argv[2]) else 1)
    else:
        sys.exit(__doc__)
