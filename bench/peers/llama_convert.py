"""A Hugging Face GPT-2 folder as GGUF through llama.cpp's own converter, without a tokenizer (ours is
none that it knows, and speed does not depend on it).

  python llama_convert.py LLAMA_SOURCE MODEL_FOLDER --outfile x.gguf --outtype f32"""

import runpy
import sys
from pathlib import Path

source = Path(sys.argv.pop(1))
sys.path[:0] = [str(source), str(source / "gguf-py")]

from conversion import gpt2  # noqa: E402


def no_tokenizer(self):
    self._set_vocab_none()
    self.gguf_writer.add_vocab_size(self.hparams["vocab_size"])


gpt2.GPT2Model.set_vocab = no_tokenizer
sys.argv[0] = str(source / "convert_hf_to_gguf.py")
runpy.run_path(sys.argv[0], run_name="__main__")
