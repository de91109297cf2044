"""Package metadata; `pip install -c constraints.txt .[cpu,ocr,app]` gives the tried versions."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "0.1.0"

# Looser than constraints.txt: what the code needs. Reasons for a bound stand behind it.
CORE = [
    "babel>=2.18",  # month names, currencies
    "faker>=40",  # places and surnames of synthetic invoices
    "ml_dtypes>=0.5",  # bfloat16 weights in numpy, for merging
    "jinja2>=3.1",  # what a chat template refuses
    "lxml>=6",  # UBL and CII, with entities and network off
    "llguidance>=1.9,<2",  # grammars of grounded decoding
    "numpy<2",  # paddleformers 1.2.0 breaks on numpy 2
    "orjson>=3.11",  # words and truth of large sets
    "opencv-python-headless<4.12",  # later ones want numpy 2
    "pillow>=12",
    "pydantic>=2.14",
    "pypdfium2>=5",
    "python-stdnum>=2.2",  # check digits
    "pyyaml>=6",
    "jsonschema>=4.26",
    "matplotlib>=3.11",  # curves
    "rapidfuzz>=3.14",
    "rich>=15",
    "scipy>=1.17",  # optimal pairing of line items, exact tests
    "anls_star>=1",  # the metric's own authors' implementation
    "json_repair>=0.64",  # what an invalid answer would have been; never used to score one
    "datasketch>=2",  # near-duplicates among pairs
    "ijson>=3.6",  # JSON arrays larger than memory
    "packaging",  # version comparison in `doctor`
    "tokenizers>=0.22",
    "typer>=0.29",
    "typst>=0.15,<0.16",  # the layouts follow its language
]
# paddlepaddle is not a hard dependency: paddlepaddle-gpu provides the same module.
PADDLE = [
    "paddleformers==1.2.0",  # the engine calls its internals
    "safetensors==0.7.0",  # 0.8.0 scrambles non-contiguous arrays
    "transformers==5.3.0",  # what paddleformers 1.2.0 imports
    "pyarrow<24",  # later wheels want numpy 2
]
TYPES = ["types-PyYAML", "types-jsonschema", "lxml-stubs", "scipy-stubs"]
DESK = ["gradio>=6.31,<7"]  # review desk and chat page; app/ui/guard.py lists their paths
READERS = ["pypdf", "zxing-cpp"]  # what drawn pages hold, read by others' code
EXTRAS = {
    "cpu": ["paddlepaddle>=3.3.1,<3.4", *PADDLE],  # 3.0 lacks CPU kernels of ERNIE-4.5
    "gpu": PADDLE,  # with paddlepaddle-gpu from Paddle's own index, see the README
    "hf": [
        "torch>=2.13",
        "transformers==5.3.0",
        "safetensors==0.7.0",
        "peft>=0.21,<0.22",  # what it adapts by which name changes with its versions
        "accelerate>=1.15",
        "bitsandbytes>=0.50",  # models in 8 and 4 bits, AdamW in 8
    ],
    "tensorboard": ["tensorboard>=2.21"],  # training.report_to
    "api": ["openai>=3.57"],  # models behind an OpenAI-compatible API
    "ocr": ["rapidocr>=3.10", "onnxruntime>=1.32"],
    "app": [
        "fastapi>=0.165",
        "uvicorn>=0.54",
        "pydantic-settings>=2.16",
        "python-multipart",
        "sqlalchemy>=2.1",
        "prometheus-client>=0.26",
    ],
    "desk": DESK,  # the chat page, too; with `app`
    "test": [
        *DESK,
        "pytest>=9",
        "pytest-xdist>=3.8",
        "hypothesis>=6.170",
        "nbclient>=0.11",  # runs the example notebook
        "ipykernel>=7",
        "schemathesis>=4.32",
        "httpx>=0.28",
        "mypy",
        "ruff",
        *TYPES,
        "openai>=3.57",
        "playwright>=1.65",  # report, desk and chat in a real browser
        "zss>=1.2",  # tree-edit distance, to hold ours against
        "pypdf",
        "zxing-cpp",
    ],
    "bench": ["reportlab>=5", "trl>=1.16", "zss>=1.2"],  # peers, for comparison
    "fuzz": ["atheris>=3"],
    "ray": ["ray>=2.60"],  # data sets on several machines
}

setup(
    name="ernie-invoice",
    version=VERSION,
    description="Fine-tune an ERNIE model to read your invoices, measure it, and run it",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11,<3.12",  # the pins were measured on 3.11
    packages=[
        *find_packages(include=["erniekit_finetuning*", "synthetic_invoice_generator*", "app*"]),
        "erniekit_finetuning.configs",
    ],
    # Recipes stand at the top of the checkout and travel inside the package.
    package_dir={"erniekit_finetuning.configs": "configs"},
    package_data={
        "erniekit_finetuning": ["assets/**/*", "base/*.yaml", "recipes/translation/*.json"],
        "erniekit_finetuning.configs": ["**/*.yaml", "**/*.json"],
        "app": ["ui/browser/*"],
        "synthetic_invoice_generator": ["layouts/*.typ", "locales/*.yaml"],
    },
    install_requires=CORE,
    extras_require=EXTRAS,
    entry_points={
        "console_scripts": [
            "ernie-invoice=erniekit_finetuning.cli:main",
            "erniekit=erniekit_finetuning.erniekit_cli:main",
        ]
    },
)
