"""`ernie-invoice doctor`: what is installed, which engine runs here, and cures for trouble."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import typer
from packaging.version import Version

PACKAGES = (
    "paddlepaddle",
    "paddlepaddle-gpu",
    "paddleformers",
    "paddlenlp",
    "erniekit",
    "ernie",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "pyarrow",
    "protobuf",
    "rapidocr",
    "onnxruntime",
    "opencv-python-headless",
    "pypdfium2",
    "typst",
    "fastapi",
    "gradio",
)
_PADDLE_PROBE = (
    "import paddle; n = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0;"
    "paddle.set_device('gpu' if n else 'cpu'); paddle.matmul(paddle.ones([2, 2]), "
    "paddle.ones([2, 2])); import paddleformers; print(f'{n} GPU' if n else 'CPU')"
)
_TORCH_PROBE = (
    "import sys; sys.modules.setdefault('torchcodec', None); import torch; "
    "from transformers import Ernie4_5ForCausalLM; n = torch.cuda.device_count(); "
    "print(f'{n} GPU' if n else 'CPU')"
)


@dataclass(frozen=True)
class Known:
    """One combination known not to work: when it applies, what goes wrong, what to run."""

    when: Callable[[Mapping[str, Version]], bool]
    trouble: str
    cure: str


def _has(*names: str) -> Callable[[Mapping[str, Version]], bool]:
    return lambda found: all(name in found for name in names)


def _older(name: str, version: str) -> Callable[[Mapping[str, Version]], bool]:
    return lambda found: name in found and found[name] < Version(version)


def _from(name: str, version: str) -> Callable[[Mapping[str, Version]], bool]:
    return lambda found: name in found and found[name] >= Version(version)


def _other(name: str, version: str, beside: str) -> Callable[[Mapping[str, Version]], bool]:
    return lambda found: (
        beside in found and name in found and found[name].public != Version(version).public
    )


KNOWN = (
    Known(
        lambda found: "paddleformers" in found and _from("numpy", "2")(found),
        "paddleformers 1.2.0 does not import with numpy 2",
        'pip install "numpy==1.26.4" "pyarrow==23.0.1"',
    ),
    Known(
        lambda found: "numpy" in found and not _from("numpy", "2")(found) and _pyarrow(found),
        "this pyarrow is built for numpy 2 and fails beside numpy 1",
        'pip install "pyarrow==23.0.1"',
    ),
    Known(
        _from("safetensors", "0.8"),
        "safetensors 0.8 scrambles arrays that Paddle saves: wrong weights, no error",
        'pip install "safetensors==0.7.0"',
    ),
    Known(
        _older("paddlepaddle", "3.3"),
        "this paddlepaddle lacks CPU kernels that ERNIE-4.5 needs",
        'pip install "paddlepaddle==3.3.1"',
    ),
    Known(
        _older("paddlepaddle-gpu", "3"),
        "PyPI's paddlepaddle-gpu stops at 2.6.2, which has no ERNIE-4.5",
        "install paddlepaddle-gpu 3.x from Paddle's own package index (README, section GPU)",
    ),
    Known(
        _has("paddlepaddle", "paddlepaddle-gpu"),
        "paddlepaddle and paddlepaddle-gpu overwrite each other's files",
        "pip uninstall -y paddlepaddle paddlepaddle-gpu, then install one of them",
    ),
    Known(
        _other("transformers", "5.3.0", beside="paddleformers"),
        "paddleformers 1.2.0 was tried with transformers 5.3.0 only",
        'pip install "transformers==5.3.0" "tokenizers==0.22.2"',
    ),
    Known(
        _other("paddleformers", "1.2.0", beside="paddleformers"),
        "the Paddle engine calls parts of paddleformers 1.2.0 that other versions move",
        'pip install "paddleformers==1.2.0"',
    ),
    Known(
        _from("erniekit", "1.1"),
        "erniekit 1.1 to 1.3 cannot be imported: the wheel lacks its module `ernie`",
        "pip uninstall -y erniekit; use our engine, or erniekit 1.0.1 in an environment of its own",
    ),
    Known(
        lambda found: _has("erniekit", "paddleformers")(found) and _older("erniekit", "1.1")(found),
        "erniekit 1.0.1 wants paddleformers 0.1.6 and paddlepaddle 3.1.1",
        "give erniekit an environment of its own: erniekit==1.0.1 paddleformers==0.1.6 "
        'paddlepaddle==3.1.1 "pyarrow<21" "protobuf<7"',
    ),
    Known(
        _has("ernie"),
        "PyPI's `ernie` is another project; it does not repair erniekit",
        "pip uninstall -y ernie",
    ),
    Known(
        _has("paddlenlp"),
        "paddlenlp has no ERNIE-4.5; paddleformers is its continuation",
        'pip uninstall -y paddlenlp; pip install "paddleformers==1.2.0"',
    ),
)


def _pyarrow(found: Mapping[str, Version]) -> bool:
    return _from("pyarrow", "24")(found)


def diagnose(versions: Mapping[str, str]) -> list[Known]:
    """The known bad combinations among installed versions (package name -> version)."""
    found = {name: Version(version) for name, version in versions.items()}
    return [known for known in KNOWN if known.when(found)]


def installed() -> dict[str, str]:
    """Versions of the packages that matter, without importing them."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def doctor() -> None:
    """Say what is installed, which engine runs here, and how to cure what is wrong."""
    versions = installed()
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name, version in versions.items():
        print(f"  {name} {version}")
    runs = _engine("paddle", _PADDLE_PROBE, 'pip install -c constraints.txt "ernie-invoice[cpu]"')
    _engine("huggingface", _TORCH_PROBE, 'pip install -c constraints.txt "ernie-invoice[hf]"')
    if "rapidocr" not in versions:
        print('OCR: no; to read images: pip install -c constraints.txt "ernie-invoice[ocr]"')
    print(f"erniekit on PATH: {whose_erniekit(shutil.which('erniekit'))}")
    faults = diagnose(versions)
    if sys.version_info[:2] != (3, 11):
        print("warning: the pins were measured on Python 3.11")
    for fault in faults:
        print(f"trouble: {fault.trouble}\n   cure: {fault.cure}")
    if faults or not runs:
        raise typer.Exit(1)
    print("no known trouble")


def whose_erniekit(command: str | None) -> str:
    """The first `erniekit` on PATH, and whose it is: its script names the module that it starts."""
    if command is None:
        return "none"
    script = Path(command).read_bytes()
    if b"erniekit_finetuning" in script:
        owner = "ours; it hands ERNIEKit's own files over"
    elif b"erniekit.cli" in script:
        owner = "the official ERNIEKit's; ours is ernie-invoice train"
    else:
        owner = "neither ours nor the official one"
    return f"{command} ({owner})"


def _engine(name: str, probe: str, cure: str) -> bool:
    """Try the engine in a process of its own: PaddleFormers and torch do not share one."""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    if done.returncode == 0:
        print(f"engine {name}: runs on {done.stdout.strip().splitlines()[-1]}")
        return True
    reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    print(f"engine {name}: does not run ({reason}); to install it: {cure}")
    return False
