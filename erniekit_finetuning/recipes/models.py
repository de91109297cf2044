"""From a model's name to a folder on this machine."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path

from erniekit_finetuning.errors import Problem, UnusableInput

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SHIPPED = ("ernie-4.5-tiny",)
# Every ERNIE-4.5 published under baidu/ (as -PT and -Paddle weights), and PaddleOCR-VL.
_PUBLISHED = (
    "ERNIE-4.5-0.3B",
    "ERNIE-4.5-0.3B-Base",
    "ERNIE-4.5-21B-A3B",
    "ERNIE-4.5-21B-A3B-Base",
    "ERNIE-4.5-300B-A47B",
    "ERNIE-4.5-300B-A47B-Base",
    "ERNIE-4.5-VL-28B-A3B",
    "ERNIE-4.5-VL-28B-A3B-Base",
    "ERNIE-4.5-VL-424B-A47B",
    "ERNIE-4.5-VL-424B-A47B-Base",
)
_WEIGHTS = ("-PT", "-Paddle")
# The Thinking models are published once, without a suffix.
_SINGLE = ("ERNIE-4.5-21B-A3B-Thinking", "ERNIE-4.5-VL-28B-A3B-Thinking")
HUB_NAMES = (
    *(f"baidu/{name}{end}" for name in _PUBLISHED for end in _WEIGHTS),
    *(f"baidu/{name}" for name in _SINGLE),
    "PaddlePaddle/PaddleOCR-VL",
)


def resolve_model(name_or_path: str, revision: str | None = None) -> Path:
    """Give the folder that holds the model, downloading a hub name when it is not cached.

    Raises UnusableInput for a folder without config.json, a name that does not exist, and a hub
    that cannot be reached.
    """
    folder = ASSETS / name_or_path if name_or_path in SHIPPED else Path(name_or_path)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise _unusable("is not a model folder: it has no config.json", str(folder))
        if revision is not None:
            raise _unusable("a folder has no revision", str(folder), "drop model.revision")
        return folder.resolve()
    check_name(name_or_path)
    return _download(name_or_path, revision)


def model_folder(name_or_path: str) -> Path | None:
    """The model, adapter or run folder that a word names; None for a model by its name."""
    folder = Path(name_or_path)
    return folder if name_or_path not in SHIPPED and folder.is_dir() else None


def check_name(name: str) -> None:
    """Raise UnusableInput unless `name` may exist on the hub; no network is asked."""
    if name in SHIPPED:
        raise _unusable(f"{name} is missing from this installation", None, "install it again")
    owner, slash, rest = name.partition("/")
    known = name in HUB_NAMES
    plausible = slash and rest and "/" not in rest and owner not in ("", ".", "..", "~")
    if known or (plausible and owner.lower() != "baidu"):
        return
    what = "there is no such model" if owner.lower() == "baidu" else "no such folder or model"
    cure = f"nearest names: {', '.join(nearest_names(name))}"
    raise UnusableInput(Problem(what, field="model.name_or_path", found=name, cure=cure))


def nearest_names(name: str, count: int = 4) -> list[str]:
    """The known names most like `name`, best first."""

    def likeness(known: str) -> float:
        return SequenceMatcher(None, name.lower(), known.lower()).ratio()

    return sorted((*SHIPPED, *HUB_NAMES), key=likeness, reverse=True)[:count]


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt"]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises a dozen unrelated kinds
        cure = (
            "download it on a machine with network (hf download "
            f"{name} --local-dir FOLDER) and give model.name_or_path: FOLDER"
        )
        why = str(error).strip().split("\n")[0][:200]
        raise _unusable(f"{name} cannot be fetched ({why})", None, cure) from error


def _unusable(what: str, file: str | None, cure: str | None = None) -> UnusableInput:
    return UnusableInput(Problem(what, file=file, field="model.name_or_path", cure=cure))
