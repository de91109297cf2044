"""Adapters as files: both forms compute the same, and a merge that differs is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file
from tiny_model import build_tiny_model

from erniekit_finetuning.adapters import merging, paddle_format, peft_format, proof
from erniekit_finetuning.adapters.adapter import Adapter, LowRank
from erniekit_finetuning.adapters.formats import convert, read_adapter, write_form
from erniekit_finetuning.adapters.fusing import FUSED, Heads, join_outputs, split_outputs
from erniekit_finetuning.engines import Example, get_engine
from erniekit_finetuning.engines.locating import Source, locate, record_base
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.recipes import Recipe

PROMPTS = ["say alpha", "say something longer, with 1,234.50 EUR in it"]
HEADS = Heads(heads=4, groups=2, dim=8, inner=64)
INPUTS = {"down_proj": 64}
OUTPUTS = {
    **HEADS.widths("qkv_proj"), **HEADS.widths("up_gate_proj"), "o_proj": 32, "down_proj": 32
}  # fmt: skip
CLI = [sys.executable, "-m", "erniekit_finetuning.cli"]
needs_paddle = pytest.mark.skipif(find_spec("paddle") is None, reason="needs paddle")
needs_torch = pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra hf")
IN_TORCH = """
import json, sys
import numpy
from erniekit_finetuning.engines.registry import get_engine
model, prompts, out = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
found = get_engine("hf").logits(model, prompts)
numpy.savez(out, **{f"prompt{i}": array for i, array in enumerate(found)})
"""
LOADS_WHOLE = """
import sys
sys.modules.setdefault("torchcodec", None)
from transformers import AutoModelForCausalLM
_, told = AutoModelForCausalLM.from_pretrained(sys.argv[1], output_loading_info=True)
assert not told["missing_keys"], told
assert not told["unexpected_keys"], told
"""


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


def trained(base: Path, run: Path, engine: str, **lora: Any) -> Path:
    recipe = Recipe.model_validate(
        {
            "engine": engine,
            "model": {"name_or_path": str(base)},
            "lora": {"r": 4, "lora_alpha": 12} | lora,
            "data": {"max_seq_len": 64},
            "training": {"max_steps": 4, "learning_rate": 0.05},
        }
    )
    examples = [Example.ask(f"say {word}", word[::-1]) for word in ("alpha", "beta", "gamma")]
    get_engine(engine).train(
        recipe, examples, [], run, lambda metric: None, lambda done, total: None
    )
    return run / "adapter"


@pytest.fixture(scope="session")
def from_paddle(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(base, tmp_path_factory.mktemp("runs") / "paddle", "paddle")


@pytest.fixture(scope="session")
def from_torch(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(base, tmp_path_factory.mktemp("runs") / "hf", "hf", use_rslora=True)


def in_torch(model: Path, out: Path) -> list[np.ndarray]:
    file = out.with_suffix(".npz")
    arguments = [sys.executable, "-c", IN_TORCH, str(model), json.dumps(PROMPTS), str(file)]
    subprocess.run(arguments, check=True, capture_output=True)
    held = np.load(file)
    return [held[f"prompt{i}"] for i in range(len(PROMPTS))]


def furthest(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max(float(abs(a - b).max()) for a, b in zip(one, other, strict=True))


def in_bfloat16(base: Path, folder: Path) -> Path:
    shutil.copytree(base, folder)
    weights = load_file(base / "model.safetensors")
    halves = {name: weight.astype(ml_dtypes.bfloat16) for name, weight in weights.items()}
    save_file(halves, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": "bfloat16"}))
    return folder


@st.composite
def adapters(draw: st.DrawFn) -> Adapter:
    """Adapters of some matrices of a layer; q, k and v share their A in half of them."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    rank = draw(st.integers(1, 5))
    names = draw(st.lists(st.sampled_from(sorted(OUTPUTS)), min_size=1, unique=True))
    shared = draw(st.booleans())
    common = generator.normal(size=(rank, 32)).astype(np.float32)
    updates = {}
    for name in names:
        block = "self_attn" if name[0] in "qkvo" else "mlp"
        a = generator.normal(size=(rank, INPUTS.get(name, 32))).astype(np.float32)
        a = common if shared and name not in INPUTS else a
        b = generator.normal(size=(OUTPUTS[name], rank)).astype(np.float32)
        updates[f"model.layers.1.{block}.{name}"] = LowRank(a, b)
    return Adapter(updates, rank, draw(st.integers(1, 64)), draw(st.booleans()), 0.125)


def effects(adapter: Adapter) -> dict[str, np.ndarray]:
    return {path: adapter.scaling * (u.b @ u.a) for path, u in adapter.updates.items()}


@given(adapter=adapters())
def test_peft_form_keeps_an_adapter(
    adapter: Adapter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("peft")
    peft_format.write_peft(folder, adapter, "some/base")
    again = peft_format.read_peft(folder)
    assert (again.r, again.alpha, again.scaling) == (adapter.r, adapter.alpha, adapter.scaling)
    assert again.dropout == adapter.dropout
    assert again.updates.keys() == adapter.updates.keys()
    for path, update in adapter.updates.items():
        assert (again.updates[path].a == update.a).all()
        assert (again.updates[path].b == update.b).all()


@given(adapter=adapters())
def test_paddle_form_computes_the_same(
    adapter: Adapter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("paddle")
    paddle_format.write_paddle(folder, adapter, HEADS, "some/base")
    again = paddle_format.read_paddle(folder, HEADS)
    assert again.scaling == pytest.approx(adapter.scaling)
    assert again.updates.keys() == adapter.updates.keys()
    assert (again.r, again.scaling) == (adapter.r, pytest.approx(adapter.scaling, rel=1e-12))
    for path, update in adapter.updates.items():
        assert (again.updates[path].a == update.a).all()
        assert (again.updates[path].b == update.b).all()


@given(
    groups=st.sampled_from([1, 2, 4]),
    fused=st.sampled_from(sorted(FUSED)),
    columns=st.integers(1, 3),
)
def test_fused_matrices_come_apart_and_together(groups: int, fused: str, columns: int) -> None:
    heads = Heads(heads=4, groups=groups, dim=2, inner=6)
    total = sum(heads.widths(fused).values())
    rows = np.arange(total * columns, dtype=np.float32).reshape(total, columns)
    parts = split_outputs(fused, rows, heads)
    assert {name: len(part) for name, part in parts.items()} == heads.widths(fused)
    assert (join_outputs(fused, parts, heads) == rows).all()


def test_a_shared_a_keeps_its_rank_and_others_add_theirs(tmp_path: Path) -> None:
    def rank_of(*a: float) -> int:
        parts = zip(FUSED["qkv_proj"], a, strict=True)
        updates = {
            f"model.layers.0.self_attn.{name}": LowRank(
                np.full((2, 32), value, np.float32), np.ones((OUTPUTS[name], 2), np.float32)
            )
            for name, value in parts
        }
        folder = tmp_path / str(a)
        paddle_format.write_paddle(folder, Adapter(updates, 2, 4), HEADS, "b")
        told = json.loads((folder / "lora_config.json").read_text())
        assert told["scaling"] == told["lora_alpha"] / told["r"] == 2
        return int(told["r"])

    assert rank_of(1, 1, 1) == 2
    assert rank_of(1, 2, 3) == 6


def test_damaged_folders_are_refused(from_paddle: Path, base: Path, tmp_path: Path) -> None:
    config = json.loads((from_paddle / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"use_dora": True}))
    (tmp_path / "adapter_model.bin").write_bytes(b"pickle")
    with pytest.raises(UnusableInput, match=r"no adapter_model.safetensors.*pickled"):
        peft_format.read_peft(tmp_path)
    tensors = load_file(from_paddle / "adapter_model.safetensors")
    name = next(name for name in tensors if "lora_B" in name)
    del tensors[name]
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(UnusableInput, match=r"use_dora[\s\S]*has not both A and B"):
        peft_format.read_peft(tmp_path)
    with pytest.raises(UnusableInput, match="holds no adapter"):
        convert(Source(base), "peft", tmp_path / "out")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(UnusableInput, match=r"adapter_model\.safetensors: is damaged"):
        peft_format.read_peft(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{")
    with pytest.raises(UnusableInput, match=r"adapter_config\.json: cannot be read"):
        peft_format.read_peft(tmp_path)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"init_lora_weights": "pissa"}, "init_lora_weights.*path_initial_model"),
        ({"use_something_new": True}, "use_something_new"),
        ({"peft_type": "IA3"}, "no LoRA adapter"),
        ({"r": None}, "r: is no number"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
    ],
)
def test_settings_beyond_plain_lora_are_refused(
    tmp_path: Path, setting: dict[str, Any], named: str
) -> None:
    update = LowRank(np.ones((2, 32), np.float32), np.ones((32, 2), np.float32))
    peft_format.write_peft(
        tmp_path, Adapter({"model.layers.0.self_attn.o_proj": update}, 2, 4), "b"
    )
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | setting))
    with pytest.raises(UnusableInput, match=named):
        peft_format.read_peft(tmp_path)


def test_damaged_paddle_folders_are_refused(tmp_path: Path) -> None:
    path = "model.layers.0.self_attn.q_proj"
    update = LowRank(np.ones((2, 32), np.float32), np.ones((32, 2), np.float32))
    paddle_format.write_paddle(tmp_path, Adapter({path: update}, 2, 4), HEADS, "b")
    with pytest.raises(UnusableInput, match=r"qkv_proj.*64 outputs, not 32"):
        paddle_format.read_paddle(tmp_path, Heads(heads=2, groups=1, dim=8, inner=64))
    file = tmp_path / "peft_model-00001-of-00001.safetensors"
    file.rename(tmp_path / "peft_model-00001-of-00002.safetensors")
    with pytest.raises(UnusableInput, match=r"peft_model-00002-of-00002\.safetensors: is missing"):
        paddle_format.read_paddle(tmp_path, HEADS)
    lonely = Adapter({}, 2, 4, whole={f"{path}.weight": np.ones((32, 32), np.float32)})
    head = Adapter({"lm_head": update}, 2, 4)
    for adapter, named in ((lonely, "only with those beside it"), (head, "cannot adapt this")):
        with pytest.raises(UnusableInput, match=named):
            paddle_format.write_paddle(tmp_path / "new", adapter, HEADS, "b")


@needs_paddle
def test_upstream_loads_the_paddle_form(from_paddle: Path, base: Path, tmp_path: Path) -> None:
    from erniekit_finetuning.engines.paddle.engine import logits
    from erniekit_finetuning.engines.paddle.loading import load_base, load_tokenizer

    convert(locate(from_paddle), "paddle", tmp_path / "native")
    from paddleformers.peft.lora import LoRAModel

    wrapped = LoRAModel.from_pretrained(
        load_base(base, "float32"), str(tmp_path / "native"), load_checkpoint_format=""
    )
    wrapped.eval()
    assert json.loads((tmp_path / "native" / "lora_config.json").read_text())["r"] == 12
    tokenizer = load_tokenizer(base)
    tokens = tokenizer(PROMPTS[0], add_special_tokens=False)["input_ids"]
    plain = logits(load_base(base, "float32"), tokens)
    ours = load_base(base, "float32")
    from erniekit_finetuning.engines.paddle.adapter_files import attach_adapter

    attach_adapter(ours, locate(tmp_path / "native"))
    theirs = logits(wrapped.model, tokens)
    assert abs(theirs - plain).max() > 0.1
    assert abs(logits(ours, tokens) - theirs).max() < 1e-4


@needs_paddle
@needs_torch
def test_each_engine_computes_the_others_adapter(
    from_paddle: Path, from_torch: Path, base: Path, tmp_path: Path
) -> None:
    plain = get_engine().logits(base, PROMPTS)
    for number, adapter in enumerate((from_paddle, from_torch)):
        native = tmp_path / f"native{number}"
        convert(locate(adapter), "paddle", native)
        here = get_engine().logits(adapter, PROMPTS)
        assert furthest(here, plain) > 0.1
        assert furthest(here, get_engine().logits(native, PROMPTS)) < 1e-4
        assert furthest(here, in_torch(adapter, tmp_path / f"a{number}")) < 1e-4
        assert furthest(here, in_torch(native, tmp_path / f"b{number}")) < 1e-4


@needs_paddle
@pytest.mark.parametrize("lora", [{}, {"target_modules": ["o_proj"], "modules_to_save": ["norm"]}])
def test_a_merged_model_gives_the_adapters_logits(
    base: Path, tmp_path: Path, lora: dict[str, Any]
) -> None:
    adapter = trained(base, tmp_path / "run", "paddle", **lora)
    merged = tmp_path / "merged"
    command = [*CLI, "merge", "--model", str(adapter), "--output", str(merged), "--check"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "largest difference" in told.stderr
    before, after = (get_engine().logits(folder, PROMPTS) for folder in (adapter, merged))
    assert furthest(before, after) < 1e-4
    assert (
        load_file(merged / "model.safetensors").keys()
        == load_file(base / "model.safetensors").keys()
    )
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    if find_spec("peft") is not None:
        arguments = [sys.executable, "-c", LOADS_WHOLE, str(merged)]
        subprocess.run(arguments, check=True, capture_output=True)
        assert furthest(in_torch(merged, tmp_path / "m"), after) < 1e-4


@needs_paddle
def test_a_merge_that_differs_is_refused_and_leaves_nothing(
    from_paddle: Path, tmp_path: Path
) -> None:
    def damaging(folder: Path, prompts: Sequence[str]) -> list[np.ndarray]:
        """Paddle's logits, of a merged folder with one matrix a hundredth too large."""
        file = folder / "model.safetensors"
        if file.is_file():
            weights = load_file(file)
            weights["model.layers.1.mlp.up_proj.weight"] *= 1.01
            save_file(weights, file, {"format": "pt"})
        return get_engine().logits(folder, prompts)

    with pytest.raises(UnusableInput, match="does not give the adapter's logits"):
        merging.merge(locate(from_paddle), from_paddle, tmp_path / "out", PROMPTS, damaging)
    assert list(tmp_path.iterdir()) == []


def test_logits_may_differ_as_far_as_float32_rounds() -> None:
    right = [np.array([[4.0, -20.0]], np.float32)]
    assert proof.compare(right, [right[0] + 5e-4]) == pytest.approx(5e-4, rel=0.01)
    with pytest.raises(UnusableInput, match=r"difference of 0\.001"):
        proof.compare(right, [right[0] + 1e-3])
    assert proof.compare_rounded(right, [right[0] + 0.1]) == pytest.approx(0.1, rel=0.01)
    with pytest.raises(UnusableInput, match=r"difference of nan"):
        proof.compare_rounded(right, [right[0] * np.nan])


@needs_paddle
def test_a_bfloat16_base_is_proved_in_float32_and_kept_in_bfloat16(
    base: Path, tmp_path: Path
) -> None:
    half = in_bfloat16(base, tmp_path / "half")
    adapter = trained(half, tmp_path / "run", "paddle")
    merged = tmp_path / "merged"
    largest = merging.merge(locate(adapter), adapter, merged, PROMPTS, get_engine().logits)
    assert 1e-4 < largest < 0.2
    weights, before = (load_file(folder / "model.safetensors") for folder in (merged, half))
    assert {weight.dtype.name for weight in weights.values()} == {"bfloat16"}
    name = "model.layers.0.self_attn.k_proj"
    read = read_adapter(adapter, half)
    update = read.updates[name]
    exact = before[f"{name}.weight"].astype(np.float32) + np.float32(read.scaling) * (
        update.b @ update.a
    )
    assert (weights[f"{name}.weight"] == exact.astype(ml_dtypes.bfloat16)).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["half", "merged", "run"]

    def without_alpha(folder: Path, prompts: Sequence[str]) -> list[np.ndarray]:
        """A mistake that rounding would hide: 2 % of one matrix, in the float32 copy alone."""
        file = folder / "model.safetensors"
        if file.is_file() and load_file(file)["model.norm.weight"].dtype == np.float32:
            held = load_file(file)
            held[f"{name}.weight"] *= 1.02
            save_file(held, file, {"format": "pt"})
        return get_engine().logits(folder, prompts)

    with pytest.raises(UnusableInput, match="does not give the adapter's logits"):
        merging.merge(locate(adapter), adapter, tmp_path / "again", PROMPTS, without_alpha)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["half", "merged", "run"]


def test_a_sharded_base_keeps_its_files_and_other_bytes(base: Path, tmp_path: Path) -> None:
    weights = load_file(base / "model.safetensors")
    sharded = tmp_path / "sharded"
    sharded.mkdir()
    files = {name: f"model-0000{1 + n % 2}-of-00002.safetensors" for n, name in enumerate(weights)}
    for file in set(files.values()):
        save_file({n: w for n, w in weights.items() if files[n] == file}, sharded / file)
    index = {"metadata": {}, "weight_map": files}
    (sharded / "model.safetensors.index.json").write_text(json.dumps(index))
    (sharded / "config.json").write_text((base / "config.json").read_text())
    name, norm = "model.layers.1.mlp.down_proj", "model.norm.weight"
    update = LowRank(np.ones((1, 64), np.float32), np.ones((32, 1), np.float32))
    adapter = Adapter({name: update}, 1, 3, whole={norm: np.full(32, 2, np.float32)})
    merging.write_merged(adapter, sharded, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text()) == index
    for one, file in files.items():
        found = load_file(tmp_path / "out" / file)[one]
        expected = {f"{name}.weight": weights[one] + 3, norm: np.full(32, 2)}.get(one, weights[one])
        assert (found == expected).all()


def test_a_quantized_base_is_refused(base: Path, tmp_path: Path) -> None:
    quantized = tmp_path / "quantized"
    shutil.copytree(base, quantized)
    config = json.loads((base / "config.json").read_text())
    told = config | {"quantization_config": {"load_in_4bit": True}}
    (quantized / "config.json").write_text(json.dumps(told))
    weights = load_file(base / "model.safetensors")
    name = "model.layers.0.self_attn.o_proj"
    weights[f"{name}.weight"] = weights[f"{name}.weight"].astype(np.uint8)
    save_file(weights, quantized / "model.safetensors")
    update = LowRank(np.ones((1, 32), np.float32), np.ones((32, 1), np.float32))
    with pytest.raises(UnusableInput, match=r"quantized from") as refused:
        merging.write_merged(Adapter({name: update}, 1, 1), quantized, tmp_path / "out")
    assert len(refused.value.problems) == 2
    assert not (tmp_path / "out").exists()


def test_ranks_and_alphas_of_single_modules_are_brought_together(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    ranks = {"q_proj": (4, 8.0), "o_proj": (2, 6.0), "v_proj": (4, 2.0)}
    tensors, expected = {}, {}
    for name, (rank, alpha) in ranks.items():
        a = generator.normal(size=(rank, 32)).astype(np.float32)
        b = generator.normal(size=(OUTPUTS[name], rank)).astype(np.float32)
        path = f"model.layers.0.self_attn.{name}"
        tensors |= {f"base_model.model.{path}.lora_{s}.weight": w for s, w in (("A", a), ("B", b))}
        expected[path] = alpha / rank * (b @ a)
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "rank_pattern": {"o_proj": 2}}
    patterns = {"alpha_pattern": {"o_proj": 6, "self_attn.v_proj": 2}}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | patterns))
    found = effects(peft_format.read_peft(tmp_path))
    for path, effect in expected.items():
        assert found[path] == pytest.approx(effect, rel=1e-5, abs=1e-5)


@needs_paddle
def test_whole_weights_travel_through_paddles_form(base: Path, tmp_path: Path) -> None:
    from erniekit_finetuning.engines.paddle.engine import logits
    from erniekit_finetuning.engines.paddle.loading import load_base

    generator = np.random.default_rng(0)
    weights = load_file(base / "model.safetensors")
    names = [f"model.layers.0.self_attn.{n}_proj.weight" for n in "qkv"]
    names += [
        "model.norm.weight",
        "model.embed_tokens.weight",
        "model.layers.1.mlp.down_proj.weight",
    ]
    whole = {n: generator.normal(size=weights[n].shape).astype(np.float32) for n in names}
    path = "model.layers.1.self_attn.k_proj"
    update = LowRank(*(generator.normal(size=s).astype(np.float32) for s in ((2, 32), (16, 2))))
    adapter = Adapter({path: update}, 2, 4, whole=whole)
    write_form("paddle", tmp_path / "native", adapter, base, str(base))
    again = read_adapter(tmp_path / "native", base)
    assert again.whole.keys() == whole.keys()
    assert all((again.whole[name] == weight).all() for name, weight in whole.items())
    assert list(again.updates) == [path]
    merging.write_merged(adapter, base, tmp_path / "merged")
    from paddleformers.peft.lora import LoRAModel

    wrapped = LoRAModel.from_pretrained(load_base(base, "float32"), str(tmp_path / "native"))
    wrapped.eval()
    tokens = list(range(3, 40))
    merged = logits(load_base(tmp_path / "merged", "float32"), tokens)
    assert abs(logits(wrapped.model, tokens) - merged).max() < 1e-4 * abs(merged).max()


def test_a_tied_model_keeps_one_embedding(base: Path, tmp_path: Path) -> None:
    embedding = load_file(base / "model.safetensors")["model.embed_tokens.weight"] + 1
    adapter = Adapter({}, 1, 1, whole={"model.embed_tokens.weight": embedding})
    write_form("peft", tmp_path / "both", adapter, base, "b")
    told = json.loads((tmp_path / "both" / "adapter_config.json").read_text())
    assert told["ensure_weight_tying"]
    assert told["modules_to_save"] == ["lm_head", "model.embed_tokens"]
    assert list(read_adapter(tmp_path / "both", base).whole) == ["model.embed_tokens.weight"]
    for name, ends in (
        ("apart", {"model.embed_tokens.weight": embedding, "lm_head.weight": embedding + 1}),
        ("alone", {"model.embed_tokens.weight": embedding}),
    ):
        peft_format.write_peft(tmp_path / name, Adapter({}, 1, 1, whole=ends), "b")
        with pytest.raises(UnusableInput, match="ensure_weight_tying"):
            read_adapter(tmp_path / name, base)


def test_an_adapter_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    strange = LowRank(np.ones((2, 7), np.float32), np.ones((9, 2), np.float32))
    adapter = Adapter({"model.layers.7.self_attn.o_proj": strange}, 2, 4)
    peft_format.write_peft(tmp_path / "adapter", adapter, str(base))
    record_base(tmp_path / "adapter", str(base), base)
    with pytest.raises(UnusableInput, match=r"layers\.7\.self_attn\.o_proj"):
        merging.write_merged(adapter, base, tmp_path / "out")


def test_show_says_what_an_adapter_holds(from_paddle: Path) -> None:
    command = [*CLI, "adapter", "show", str(from_paddle)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert (told["form"], told["r"], told["scaling"]) == ("peft", 4, 3)
    assert len(told["modules"]) == 14


def test_a_merge_can_go_without_a_proof_or_take_prompts_from_a_file(
    from_paddle: Path, tmp_path: Path
) -> None:
    def run(*more: str) -> subprocess.CompletedProcess[str]:
        output = str(tmp_path / more[0].strip("-"))
        command = [*CLI, "merge", "--model", str(from_paddle), "--output", output, *more]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    told = run("--no-check")
    assert (told.returncode, "without a proof" in told.stderr) == (0, True)
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("say alpha\n\nsay beta\n")
    told = run("--prompts", str(prompts))
    assert "2 prompts, largest difference" in told.stderr
    one, other = (load_file(tmp_path / n / "model.safetensors") for n in ("no-check", "prompts"))
    assert all((one[name] == other[name]).all() for name in one)
    missing = run("--prompts", str(tmp_path / "gone.txt"))
    assert (missing.returncode, "cannot be read" in missing.stderr) == (2, True)
