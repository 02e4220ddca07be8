"""The yardstick for tokens and training together: MidiTok's REMI with byte-pair merges, a GPT-2 of
transformers, plain PyTorch with AdamW. Trains for so many minutes of processor time and prints the
held-out loss in bits a note, to set beside `hemiola train --cpu-minutes` on the same pieces.

  hemiola dataset export DATA -o MIDI --split train --flatten        (and --split validation)
  pip install torch transformers miditok symusic
  python miditok_gpt2.py MIDI/train MIDI/validation --minutes 20

Both sides read the same music, written from the same grid scores with all tracks as one, and divide
by the same number of notes: those in the held-out files."""

import argparse
import math
import pickle
import time
from pathlib import Path

import miditok
import numpy as np
import symusic
import torch
from transformers import GPT2Config, GPT2LMHeadModel

BOS, EOS = 1, 2
CONTEXT = 1024


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--minutes", type=float, default=20, help="of processor time, all threads")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    parser.add_argument("--cache", type=Path, default=Path("miditok_tokens.pickle"))
    return parser.parse_args()


def tokenise(a):
    if a.cache.exists():
        return pickle.loads(a.cache.read_bytes())
    tokenizer = miditok.REMI(
        miditok.TokenizerConfig(
            use_tempos=False,
            use_time_signatures=True,
            use_programs=False,
            num_velocities=32,
            beat_res={(0, 4): 12, (4, 12): 4},
        )
    )
    train = sorted(a.train.rglob("*.mid"))
    held_out = sorted(a.held_out.rglob("*.mid"))
    sample = np.random.default_rng(0).permutation(len(train))[:1500]
    tokenizer.train(vocab_size=4050, files_paths=[train[i] for i in sample])

    def ids(path):
        sequences = tokenizer(symusic.Score(path))
        return [s.ids for s in (sequences if isinstance(sequences, list) else [sequences])]

    result = {
        "train": [s for path in train for s in ids(path)],
        "held_out": [s for path in held_out for s in ids(path)],
        "notes": sum(symusic.Score(path).note_num() for path in held_out),
    }
    a.cache.write_bytes(pickle.dumps(result))
    return result


class Trainer:
    def __init__(self, a, stream):
        torch.manual_seed(0)
        torch.set_num_threads(a.threads)
        self.a, self.stream = a, stream
        self.rng = np.random.default_rng(0)
        config = GPT2Config(
            vocab_size=4050, n_positions=CONTEXT, n_embd=a.width, n_layer=a.layers, n_head=a.heads,
            resid_pdrop=0.1, embd_pdrop=0.1, attn_pdrop=0.0, use_cache=False,
        )
        self.model = GPT2LMHeadModel(config).train()
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=a.rate, weight_decay=0.1, betas=(0.9, 0.95), fused=True
        )

    def step(self, bf16):
        starts = self.rng.integers(0, len(self.stream) - self.a.length - 1, self.a.rows)
        x = torch.from_numpy(np.stack([self.stream[i : i + self.a.length] for i in starts]))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = self.model(input_ids=x, labels=x).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.item()

    def faster_precision(self):
        if self.a.precision != "auto":
            return self.a.precision == "bf16"
        seconds = []
        for bf16 in (False, True):
            self.step(bf16)
            begin = time.process_time()
            for _ in range(3):
                self.step(bf16)
            seconds.append(time.process_time() - begin)
        return seconds[1] < seconds[0]

    def run(self, bf16):
        budget, begin, steps = self.a.minutes * 60, time.process_time(), 0
        while (used := time.process_time() - begin) < budget:
            warm = min(1, steps / 100)
            rate = warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * used / budget)))
            for group in self.optimiser.param_groups:
                group["lr"] = self.a.rate * rate
            loss = self.step(bf16)
            steps += 1
            if steps % 50 == 0:
                tokens = steps * self.a.rows * self.a.length
                print(f"{used / 60:.1f} min, {tokens / 1e6:.2f} M tokens, "
                      f"{tokens / used:.0f} tokens/s, loss {loss:.3f}", flush=True)
        return steps * self.a.rows * self.a.length


@torch.inference_mode()
def held_out_nats(model, sequences):
    """Every token scored once, with at least half a context before it where there is so much."""
    model.eval()
    nats = tokens = 0
    for sequence in sequences:
        ids = [BOS] + sequence + [EOS]
        done = 1
        while done < len(ids):
            begin = max(0, done - CONTEXT // 2)
            end = min(len(ids), begin + CONTEXT)
            logits = model(input_ids=torch.tensor([ids[begin:end]])).logits[0].log_softmax(-1)
            wanted = torch.tensor(ids[done:end])
            nats -= logits[done - 1 - begin : end - 1 - begin].gather(1, wanted[:, None]).sum().item()
            tokens += end - done
            done = end
    return nats, tokens


def main():
    a = arguments()
    data = tokenise(a)
    stream = np.concatenate([np.array([BOS, *s, EOS], dtype=np.int64) for s in data["train"]])
    trainer = Trainer(a, stream)
    bf16 = trainer.faster_precision()
    trainer = Trainer(a, stream)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    print(f"{parameters / 1e6:.2f} M parameters, {len(stream) / 1e6:.2f} M tokens, "
          f"{'bf16' if bf16 else 'fp32'}, {a.threads} threads", flush=True)
    seen = trainer.run(bf16)
    nats, tokens = held_out_nats(trainer.model, data["held_out"])
    print(f"RESULT {a.minutes} processor minutes, {seen / 1e6:.2f} M tokens seen "
          f"({seen / len(stream):.2f} passes); held out: {nats / tokens:.4f} nats a token, "
          f"{nats / math.log(2) / data['notes']:.4f} bits a note, "
          f"{tokens / data['notes']:.3f} tokens a note")


if __name__ == "__main__":
    main()
