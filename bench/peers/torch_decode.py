"""PyTorch beside the engine: decoding with a cache of keys and values, the GPT-2 of transformers with
scaled_dot_product_attention, tokens chosen by argmax. Prints one line of JSON: name to tokens/s.

  python torch_decode.py MODEL_FOLDER --tokens 1000 --threads 2 --runs 1 [--compile]"""

import argparse
import json
import time

import torch
from transformers import DynamicCache, GPT2LMHeadModel, StaticCache


def decode(model, step, cache, tokens):
    token = torch.tensor([[1]])
    positions = torch.arange(tokens)
    start = time.perf_counter()
    for t in range(tokens):
        at = positions[t : t + 1]
        logits = step(input_ids=token, past_key_values=cache, cache_position=at,
                      position_ids=at[None], use_cache=True).logits
        token = logits[:, -1].argmax(-1, keepdim=True)
    return tokens / (time.perf_counter() - start)


def prefill(model, tokens):
    ids = torch.arange(tokens)[None] % model.config.vocab_size
    start = time.perf_counter()
    model(input_ids=ids, use_cache=True, logits_to_keep=1)
    return tokens / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--types", default="bf16,fp32")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    results = {}
    for name in options.types.split(","):
        dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[name]
        model = GPT2LMHeadModel.from_pretrained(options.model, dtype=dtype,
                                                attn_implementation="sdpa").eval()

        def fresh():
            return (StaticCache(config=model.config, max_cache_len=model.config.n_positions)
                    if options.compile else DynamicCache(config=model.config))

        step = torch.compile(model, dynamic=False) if options.compile else model
        suffix = f"{name}{'.compiled' if options.compile else ''}.t{options.threads}"
        cache = fresh()
        decode(model, step, cache, 16)  # warm, and compiled
        runs = []
        for _ in range(options.runs):
            if options.compile:
                cache.reset()
            runs.append(decode(model, step, cache if options.compile else fresh(), options.tokens))
        results[f"decode.{suffix}"] = runs
        if not options.compile:
            prefill(model, options.prompt)
            results[f"prefill.{suffix}"] = [prefill(model, options.prompt)
                                            for _ in range(options.runs)]
    print(json.dumps(results))


main()
