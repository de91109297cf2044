"""Models from folders: base, adapter on a base, or a run that holds either."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from erniekit_finetuning.engines.paddle import cpu_attention
from erniekit_finetuning.engines.paddle.runtime import import_paddle, on_gpu
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.models import SHIPPED, resolve_model

ADAPTER_CONFIG = "lora_config.json"
BASE_RECORD = "base_model.json"


@dataclass(frozen=True)
class Source:
    """Where a model's parts lie; `adapter` is None for a whole model."""

    base: Path
    adapter: Path | None = None


def locate(model: str | Path, revision: str | None = None) -> Source:
    """Find base and adapter of a model name, model folder, adapter folder or run folder.

    Raises UnusableInput when there is none, or when the base is not the one the adapter was
    trained on.
    """
    folder = Path(model)
    for inside in (folder, folder / "adapter"):
        if (inside / ADAPTER_CONFIG).is_file():
            return Source(_base_of(inside), inside)
    if (folder / "run.json").is_file() and (folder / "model").is_dir():
        return Source(folder / "model")
    return Source(resolve_model(str(model), revision))


def record_base(adapter: Path, name_or_path: str, base: Path) -> None:
    """Write beside an adapter which base it belongs to."""
    name = str(base) if Path(name_or_path).is_dir() else name_or_path
    record = {"name_or_path": name, "fingerprint": fingerprint(base)}
    text = json.dumps(record, indent=2) + "\n"
    (adapter / BASE_RECORD).write_text(text, encoding="utf-8")


def fingerprint(model: Path) -> str:
    """A hash of the weight files' sizes, first and last mebibyte: fast for 40 GB, too."""
    digest = hashlib.sha256()
    for file in sorted(model.glob("*.safetensors")):
        size = file.stat().st_size
        digest.update(f"{file.name} {size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(2**20))
            opened.seek(max(0, size - 2**20))
            digest.update(opened.read())
    return digest.hexdigest()


def load_tokenizer(base: Path) -> Any:
    """The model's tokenizer as PaddleFormers reads it."""
    import_paddle()
    from paddleformers.transformers import AutoTokenizer

    if not (base / "tokenizer_config.json").is_file():
        raise UnusableInput(Problem("has no tokenizer_config.json", file=str(base)))
    return AutoTokenizer.from_pretrained(str(base))


def load_base(base: Path, dtype: str) -> Any:
    """The base model in memory, ready for the machine's device.

    Raises UnusableInput for another architecture than dense ERNIE-4.5 and for a dtype the device
    lacks.
    """
    config_file = json.loads((base / "config.json").read_text(encoding="utf-8"))
    _check(base, config_file, dtype)
    import_paddle()
    from paddleformers.transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(base))
    config.dtype = dtype
    config.fuse_rms_norm = on_gpu()  # the fused kernel exists on GPUs only
    config._attn_implementation = "sdpa" if on_gpu() else cpu_attention.NAME
    # PaddleFormers writes an index into the folder it loads, and unpickles one that it finds there.
    # Through links it sees the weights and nothing else, and the folder may be read-only.
    with tempfile.TemporaryDirectory() as links:
        for file in base.iterdir():
            if file.name.endswith((".safetensors", ".safetensors.index.json")) or (
                file.name in ("config.json", "generation_config.json")
            ):
                (Path(links) / file.name).symlink_to(file.resolve())
        model = AutoModelForCausalLM.from_pretrained(links, config=config, dtype=dtype)
    model.eval()
    return model


def _check(base: Path, config: dict[str, Any], dtype: str) -> None:
    problems = []
    architecture = config.get("model_type")
    if architecture != "ernie4_5":
        problems.append(
            Problem(
                "the paddle engine trains and runs dense ERNIE-4.5 text models",
                file=str(base / "config.json"),
                field="model_type",
                found=str(architecture),
                expected="ernie4_5",
            )
        )
    if not any(base.glob("*.safetensors")):
        problems.append(Problem("has no *.safetensors weights", file=str(base)))
    if dtype != "float32" and not on_gpu():
        cure = "set model.dtype: float32, or run on a GPU"
        what = "Paddle cannot multiply in it on a CPU"
        problems.append(Problem(what, field="model.dtype", found=dtype, cure=cure))
    if problems:
        raise UnusableInput(problems)


def _base_of(adapter: Path) -> Path:
    record_file = adapter / BASE_RECORD
    if not record_file.is_file():
        cure = "an adapter trained by this package has one"
        raise UnusableInput(Problem(f"has no {BASE_RECORD}", file=str(adapter), cure=cure))
    record = json.loads(record_file.read_text(encoding="utf-8"))
    name = record["name_or_path"]
    base = resolve_model(name)
    if fingerprint(base) != record["fingerprint"]:
        other = "the installed release ships another one" if name in SHIPPED else str(base)
        what = f"the adapter was trained on another {name} than the one found ({other})"
        cure = "train it again on this base, or bring the old base back"
        raise UnusableInput(Problem(what, file=str(adapter), cure=cure))
    return base
