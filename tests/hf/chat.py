"""The shipped chat recipes on tiny stand-ins of their architectures, and what is asked of torch.

The functions run in a process of their own that may load torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "examples" / "data"


@dataclass(frozen=True)
class Chat:
    """A recipe, the architecture of its base, and our own files in the place of its sources."""

    config: str
    kind: str
    template: str
    files: tuple[str, ...] = ()
    dataset: str | None = None

    @property
    def path(self) -> Path:
        return ROOT / "configs" / self.config

    @property
    def texts(self) -> list[Path]:
        return [DATA / name for name in (*self.files, self.dataset) if name]

    @property
    def given(self) -> Path | None:
        return DATA / self.dataset if self.dataset else None

    def overrides(self, base: Path) -> list[str]:
        sources = [f"data.sources.{i}.path={DATA / name}" for i, name in enumerate(self.files)]
        return [f"model.name_or_path={base}", *sources]


CHATS = {
    "ernie": Chat(
        "ernie-4.5-0.3b/lora_chat.yaml",
        "ernie4_5",
        "chatml",
        ("messages.jsonl", "sharegpt.jsonl", "instructions.jsonl"),
    ),
    "gemma": Chat("gemma-2b/qlora_instruction.yaml", "gemma", "gemma", dataset="classical.json"),
    "llama": Chat(
        "llama-3.2-3b/qlora_chat.yaml",
        "llama",
        "llama-3.1",
        ("sharegpt.jsonl", "instructions.jsonl"),
    ),
}


def make(name: str, folder: Path) -> Path:
    from erniekit_finetuning.engines.hf.stand_in import make_stand_in, texts_of

    return make_stand_in(CHATS[name].kind, folder, sorted(texts_of(CHATS[name].texts)))


def told(base: Path, data: dict[str, Any], turns: list[tuple[str, str]]) -> tuple[str, list[str]]:
    """A conversation as the model sees it, and the pieces of it that are learnt."""
    from erniekit_finetuning.engines.hf.models import load_tokenizer
    from erniekit_finetuning.engines.preparation import make_encoder
    from erniekit_finetuning.engines.prompting import prompting_of
    from erniekit_finetuning.engines.protocol import Example, Message
    from erniekit_finetuning.recipes.data_section import DataSection

    prompting = prompting_of(DataSection.model_validate(data))
    encoder = make_encoder(load_tokenizer(base), prompting)
    example = Example(tuple(Message(*turn) for turn in turns))  # type: ignore[arg-type]
    (row,) = encoder.all([example], None)
    learnt = [encoder.tokenizer.decode(row.tokens[start:stop]) for start, stop in row.spans]
    return encoder.shown(example), learnt


def prepared(config: Path, base: Path) -> dict[str, Any]:
    """What a quantized base is kept in, and what of it is trained."""
    from erniekit_finetuning.engines.hf.models import build_model
    from erniekit_finetuning.recipes import load_recipe

    model, _ = build_model(load_recipe(config, [f"model.name_or_path={base}"]), base)
    packed = model.model.layers[0].mlp.down_proj.base_layer
    return {
        "packed": (type(packed).__name__, str(packed.weight.dtype), packed.weight.quant_type),
        "others": {
            str(weight.dtype)
            for path, weight in model.named_parameters()
            if "norm" in path or "embed" in path
        },
        "trained": {
            p.rpartition(".lora_")[1] for p, w in model.named_parameters() if w.requires_grad
        },
    }


def perplexity_by_hand(base: Path, adapter: Path, rows: list[tuple[str, str]]) -> float:
    """exp(mean loss of a learnt token), each row alone, with transformers and PEFT themselves."""
    from erniekit_finetuning.engines.hf.runtime import import_torch

    torch = import_torch()
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(base))
    plain = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    model = PeftModel.from_pretrained(plain, str(adapter)).eval()
    summed, count = 0.0, 0
    for before, answer in rows:
        asked = tokenizer(before, add_special_tokens=False)["input_ids"]
        said = tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*asked, *said]])).logits[0]
        chances = torch.log_softmax(logits.float(), -1)
        for number, token in enumerate(said):
            summed -= float(chances[len(asked) + number - 1, token])
            count += 1
    return math.exp(summed / count)


def answers(run: Path, questions: list[str], most: int) -> list[tuple[str, int]]:
    """Each answer of a run's model, and how many tokens it was asked with."""
    from erniekit_finetuning.engines import Question, get_engine

    said = get_engine("hf").load(run).generate([Question.ask(q) for q in questions], most)
    return [(one.text, one.prompt_tokens) for one in said]
