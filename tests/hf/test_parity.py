"""The shipped model is the same model in transformers and in Paddle.

torch and PaddleFormers do not share a process, so transformers answers in one of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra hf")

MODEL = Path(__file__).resolve().parents[2] / "erniekit_finetuning" / "assets" / "ernie-4.5-tiny"
PROMPTS = (
    "Rechnung R-17\tTürbeschläge Müller & Söhne\nTotal\t1.234,50 €\nExtract the invoice as JSON.",
    "見積 ₹ 12\n" * 40 + "Extract the invoice as JSON.",
)
IN_TRANSFORMERS = """
import json, sys
sys.modules.setdefault("torchcodec", None)
import numpy, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
model, prompts, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
tokenizer = AutoTokenizer.from_pretrained(model)
network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
found = {}
for index, prompt in enumerate(prompts):
    turn = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        found[f"logits{index}"] = network(torch.tensor([ids])).logits[0].numpy()
    found[f"ids{index}"] = numpy.array(ids)
numpy.savez(out, **found)
"""


def test_ids_are_equal_and_logits_agree(tmp_path: Path) -> None:
    import paddle

    from erniekit_finetuning.engines.encoding import Encoder
    from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer
    from erniekit_finetuning.engines.protocol import Message

    out = tmp_path / "transformers.npz"
    arguments = [sys.executable, "-c", IN_TRANSFORMERS, str(MODEL), json.dumps(PROMPTS), str(out)]
    subprocess.run(arguments, check=True, capture_output=True)
    theirs = np.load(out)
    tokenizer, model = load_tokenizer(MODEL), load_base(MODEL, "float32")
    for index, prompt in enumerate(PROMPTS):
        ids = Encoder(tokenizer).prompt([Message("user", prompt)])
        assert ids == theirs[f"ids{index}"].tolist()
        with paddle.no_grad():
            answer = model(input_ids=paddle.to_tensor([ids]))
        logits = answer.logits
        difference = np.abs(logits.numpy()[0] - theirs[f"logits{index}"]).max()
        scale = np.abs(theirs[f"logits{index}"]).max()
        assert difference < 1e-5 * scale, f"{difference} at logits up to {scale}"
