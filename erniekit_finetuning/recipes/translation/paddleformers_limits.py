"""What the paddle engine cannot do of a recipe, and what PaddleFormers drops without a word."""

from __future__ import annotations

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.architecture import Architecture
from erniekit_finetuning.recipes.model import ALL_TARGETS, Recipe
from erniekit_finetuning.recipes.translation.shared import Device, cannot

ENGINE = "paddle"
_FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "up_gate_proj": ("gate_proj", "up_proj")}


def needs_upstream(recipe: Recipe, architecture: Architecture) -> bool:
    """Whether a recipe asks for what the engine's own loop does not do."""
    parallel = recipe.parallel
    return (
        architecture is not Architecture.DENSE
        or parallel.tensor * parallel.pipeline * parallel.expert > 1
        or parallel.sharding != "none"
        or recipe.model.quantization.startswith("wint")
    )


def paddle_problems(recipe: Recipe, architecture: Architecture, device: Device) -> list[Problem]:
    """What the paddle engine cannot do, in its own loop or through upstream's trainer."""
    if needs_upstream(recipe, architecture):
        return paddleformers_problems(recipe, architecture, device)
    return [
        problem
        for problem in _model_problems(recipe, architecture, device)
        if problem.field != "training.num_train_epochs"
    ]


def paddleformers_problems(
    recipe: Recipe, architecture: Architecture, device: Device
) -> list[Problem]:
    """What PaddleFormers, started by `engines/paddle/launching.py`, cannot do of a recipe."""
    return [
        *_model_problems(recipe, architecture, device),
        *_lora_problems(recipe, architecture),
        *_data_problems(recipe, architecture, device),
        *_parallel_problems(recipe, architecture, device),
    ]


def dropped_by_command_line(recipe: Recipe) -> list[str]:
    """What `paddleformers-cli train` silently leaves out where our worker does not."""
    lora, training = recipe.lora, recipe.training
    dropped = []
    alpha = 4 if lora.use_rslora else 2 * lora.r
    if lora.enabled and lora.lora_alpha != alpha:
        dropped.append(f"lora.lora_alpha: {lora.lora_alpha} (it takes {alpha})")
    if lora.enabled and lora.lora_dropout:
        dropped.append(f"lora.lora_dropout: {lora.lora_dropout} (it takes 0)")
    if lora.enabled and set(lora.target_modules) != set(ALL_TARGETS):
        dropped.append("lora.target_modules (it takes all)")
    if training.early_stopping_patience is not None:
        dropped.append("training.early_stopping_patience (it never stops early)")
    if training.load_best_model_at_end and recipe.data.holds_out:
        dropped.append("training.load_best_model_at_end (it keeps the last weights)")
    return dropped


def _model_problems(recipe: Recipe, architecture: Architecture, device: Device) -> list[Problem]:
    problems = []
    model, training = recipe.model, recipe.training
    if model.quantization in ("8bit", "4bit"):
        cure = "set wint8 or wint4/8, or engine: hf"
        problems.append(cannot(ENGINE, "model.quantization", model.quantization, cure))
    if model.quantization.startswith("wint") and recipe.precision != "bfloat16":
        cure = "set model.dtype: bfloat16"
        why = "what is quantized is multiplied in bfloat16"
        problems.append(cannot(ENGINE, "model.dtype", model.dtype, cure, why))
    if model.dtype == "bfloat16" and recipe.precision == "float32":
        cure = "set model.dtype: float32"
        problems.append(cannot(ENGINE, "training.precision", "float32", cure, "weights are 16 bit"))
    if device == "cpu" and (recipe.precision == "bfloat16" or model.quantization != "none"):
        cure = "set model.dtype: float32 and model.quantization: none, or run on a GPU"
        why = "Paddle multiplies in it on GPUs only"
        problems.append(cannot(ENGINE, "model.dtype", recipe.precision, cure, why))
    if device == "cpu" and architecture.is_paddles and architecture is not Architecture.DENSE:
        cure = "run on a GPU, or with engine: hf"
        why = f"Paddle has no CPU kernels for a {architecture.value}"
        problems.append(cannot(ENGINE, "model.name_or_path", model.name_or_path, cure, why))
    if not architecture.is_paddles:
        cure = "set engine: hf"
        why = f"it has no {architecture.value}"
        problems.append(cannot(ENGINE, "model.name_or_path", model.name_or_path, cure, why))
    if training.optim != "adamw":
        cure = "set training.optim: adamw, or engine: hf"
        problems.append(cannot(ENGINE, "training.optim", training.optim, cure))
    epochs = training.num_train_epochs
    if epochs is not None and epochs != int(epochs):
        cure = "give whole epochs, or training.max_steps"
        problems.append(cannot(ENGINE, "training.num_train_epochs", epochs, cure))
    return problems


def _lora_problems(recipe: Recipe, architecture: Architecture) -> list[Problem]:
    lora = recipe.lora
    if not lora.enabled:
        cure = "set lora.enabled: true"
        why = "our launch of upstream brings back adapters alone"
        return [cannot(ENGINE, "lora.enabled", False, cure, why)]
    problems = []
    if lora.bias != "none":
        problems.append(cannot(ENGINE, "lora.bias", lora.bias, "set lora.bias: none"))
    if lora.modules_to_save:
        found = ", ".join(lora.modules_to_save)
        problems.append(cannot(ENGINE, "lora.modules_to_save", found, "leave it out"))
    try:
        target_patterns(recipe, architecture)
    except UnusableInput as error:
        problems += error.problems
    if architecture is Architecture.VISION_MOE and recipe.parallel.pipeline == 1:
        cure = "set parallel.pipeline: 2 (and parallel.tensor: 2), as the official recipe does"
        why = "without a pipeline upstream's LoRA ends in `rope3d requires pos-id`"
        problems.append(cannot(ENGINE, "parallel.pipeline", 1, cure, why))
    return problems


def target_patterns(recipe: Recipe, architecture: Architecture) -> list[str]:
    """The recipe's targets as regular expressions on upstream's whole module paths.

    Raises UnusableInput for a part of a matrix that upstream computes as one, and for a path.
    """
    targets = set(recipe.lora.target_modules)
    problems, names = [], []
    left = dict.fromkeys(recipe.lora.target_modules)
    for fused, parts in {} if architecture is Architecture.PADDLEOCR_VL else _FUSED.items():
        asked = [part for part in parts if part in targets]
        for part in asked:
            left.pop(part)
        if len(asked) == len(parts):
            names.append(fused)
        elif asked:
            cure = f"name {', '.join(parts)} together, or none of them"
            why = f"upstream adapts {fused} as one matrix"
            found = f"only {', '.join(asked)}"
            problems.append(cannot(ENGINE, "lora.target_modules", found, cure, why))
    for name in left:
        if name not in ALL_TARGETS:
            cure = f"choose among {', '.join(ALL_TARGETS)}"
            problems.append(cannot(ENGINE, "lora.target_modules", name, cure))
        names.append(name)
    if problems:
        raise UnusableInput(problems)
    # Vision towers and their connections call modules by some of these names, too.
    inside = (
        r"(?!.*(?:vision|visual|resampler|mlp_AR)).*\." if architecture.sees_images else r".*\."
    )
    return [f"{inside}{name}" for name in names]


def _data_problems(recipe: Recipe, architecture: Architecture, device: Device) -> list[Problem]:
    data = recipe.data
    problems = []
    if not data.train_on_responses_only:
        cure = "set it true, or engine: hf"
        problems.append(cannot(ENGINE, "data.train_on_responses_only", False, cure))
    for key in ("eval_steps", "save_steps"):
        if getattr(recipe.training, key) == "epoch":
            cure = "give a number of steps"
            problems.append(cannot(ENGINE, f"training.{key}", "epoch", cure))
    if data.longer_examples == "leave_out":
        cure = "set it refuse, and leave longer examples out of the data"
        why = "a longer row ends the training"
        problems.append(cannot(ENGINE, "data.longer_examples", "leave_out", cure, why))
    if data.end_token is not None:
        cure = "leave it out: the end token is the model's own"
        problems.append(cannot(ENGINE, "data.end_token", data.end_token, cure))
    if data.chat_template is not None:
        cure = "write it into the model's tokenizer_config.json"
        problems.append(cannot(ENGINE, "data.chat_template", data.chat_template, cure))
    if data.packing and architecture.sees_images:
        cure = "set data.packing: false, as the official recipe does"
        problems.append(cannot(ENGINE, "data.packing", True, cure))
    elif data.packing and device == "cpu":
        cure = "set data.packing: false, or run on a GPU"
        why = "what keeps packed examples apart exists on GPUs only"
        problems.append(cannot(ENGINE, "data.packing", True, cure, why))
    return problems


def _parallel_problems(recipe: Recipe, architecture: Architecture, device: Device) -> list[Problem]:
    parallel = recipe.parallel
    problems = []
    if device == "cpu" and parallel.devices > 1:
        cure = (
            "set parallel.tensor and parallel.pipeline: 1 and parallel.sharding: none, or use GPUs"
        )
        why = "upstream's trainer spreads over GPUs only"
        problems.append(cannot(ENGINE, "parallel", f"{parallel.devices} devices", cure, why))
    if parallel.sharding != "none" and parallel.data == 1:
        cure = "set parallel.data above 1, or parallel.sharding: none"
        why = "there are no copies to share among"
        problems.append(cannot(ENGINE, "parallel.sharding", parallel.sharding, cure, why))
    if parallel.pipeline > 1 and parallel.sharding in ("stage2", "stage3"):
        cure = "set parallel.sharding: stage1"
        problems.append(cannot(ENGINE, "parallel.sharding", parallel.sharding, cure, "a pipeline"))
    if parallel.expert > 1:
        if not architecture.has_experts:
            cure = "set parallel.expert: 1"
            why = "the model has no experts"
            problems.append(cannot(ENGINE, "parallel.expert", parallel.expert, cure, why))
        if parallel.data > 1 and parallel.sharding == "none":
            cure = "set parallel.sharding: stage1"
            why = "experts spread over copies only when these are sharded"
            problems.append(cannot(ENGINE, "parallel.sharding", "none", cure, why))
    return problems
