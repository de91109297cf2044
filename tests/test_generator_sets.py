"""Sets on disk: sameness, resuming, splits, manifests, card."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.config import GeneratorConfig, load_config
from synthetic_invoice_generator.dataset.document_files import write_document
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.faults.kinds import FaultKind
from synthetic_invoice_generator.looks.rendering import render_pages
from synthetic_invoice_generator.settings import Shares

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_with_any_worker_count(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    result = generate(GeneratorConfig(), 18, one, seed=4)
    assert (result.documents, result.made) == (18, 18)
    generate(GeneratorConfig(), 18, two, seed=4, workers=2)
    assert hashes(one) == hashes(two)
    generate(GeneratorConfig(), 1, other, seed=5)
    assert hashes(other)["pdfs/inv-000001.pdf"] != hashes(one)["pdfs/inv-000001.pdf"]


def test_a_killed_run_goes_on_and_a_finished_set_is_left_alone(tmp_path: Path) -> None:
    config = GeneratorConfig(locales={"de-DE": 1})
    generate(config, 5, tmp_path, seed=1)
    whole = hashes(tmp_path)
    (tmp_path / "ground_truth" / "inv-000002.json").unlink()
    (tmp_path / "images" / "inv-000003-1.png").unlink()
    (tmp_path / "words" / ".inv-000004.json.77.part").write_text("{")
    (tmp_path / "training_manifest.json").unlink()
    assert generate(config, 5, tmp_path, seed=1).made == 2
    assert hashes(tmp_path) == whole
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert generate(config, 5, tmp_path, seed=1).made == 0
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert generate(config, 6, tmp_path, seed=1).made == 1


def test_a_set_killed_again_and_again_ends_up_the_same(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    program = str(Path(sys.executable).with_name("ernie-invoice"))
    command = [
        program, "generate", "--count", "70", "--seed", "9", "--workers", "2",
        "--config", str(CONFIGS / "default.yaml"), "--output", str(killed),
    ]  # fmt: skip
    config = load_config(CONFIGS / "default.yaml")
    generate(config, 70, whole, seed=9, workers=2)
    rng = Random(1)
    for _ in range(10):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(list(killed.glob("ground_truth/*.json"))) + rng.randint(1, 5)
        while len(list(killed.glob("ground_truth/*.json"))) < wanted:
            assert run.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.1))  # in the middle of a document as well as between two
        run.kill()
        run.wait()
    assert 0 < generate(config, 70, killed, seed=9).made < 70
    assert hashes(killed) == hashes(whole)


def test_a_folder_with_another_set_is_refused(tmp_path: Path) -> None:
    generate(GeneratorConfig(), 1, tmp_path, seed=1)
    with pytest.raises(UnusableInput, match="seed: the folder holds another set"):
        generate(GeneratorConfig(), 1, tmp_path, seed=2)
    with pytest.raises(UnusableInput, match=r"config\.max_lines"):
        generate(GeneratorConfig(max_lines=2), 1, tmp_path, seed=1)
    settings = json.loads((tmp_path / "generator.json").read_text())
    settings["made_with"]["libraries"]["typst"] = "0.1.0"
    (tmp_path / "generator.json").write_text(json.dumps(settings))
    with pytest.raises(UnusableInput, match=r"made_with\.libraries\.typst.*0\.1\.0"):
        generate(GeneratorConfig(), 1, tmp_path, seed=1)
    with pytest.raises(UnusableInput) as refused:
        generate(GeneratorConfig(), 0, tmp_path, seed=1, workers=0)
    assert len(refused.value.problems) == 2


def test_splits_keep_unseen_layouts_apart_and_stay_when_the_set_grows(tmp_path: Path) -> None:
    config = GeneratorConfig(
        layouts={"classic": 1, "banner": 1}, unseen=("banner",), validation=0.3, test=0.3
    )

    def manifests() -> dict[str, list[str]]:
        paths = sorted(tmp_path.glob("*_manifest.json"))
        return {
            path.stem: [entry["invoice_id"] for entry in json.loads(path.read_text())]
            for path in paths
        }

    generate(config, 14, tmp_path, seed=5)
    before = manifests()
    assert generate(config, 24, tmp_path, seed=5).made == 10
    after = manifests()
    assert set(after) == {
        "training_manifest",
        "validation_manifest",
        "test_seen_manifest",
        "test_unseen_manifest",
    }
    for name, ids in before.items():
        assert after[name][: len(ids)] == ids
    unseen = set(after.pop("test_unseen_manifest"))
    assert unseen
    for ids in after.values():
        assert not unseen & set(ids)
    for path in sorted((tmp_path / "ground_truth").iterdir()):
        truth = json.loads(path.read_text())
        assert (truth["layout_type"] == "banner") == (path.stem in unseen)
    assert generate(config, 3, tmp_path, seed=5).documents == 24


def test_a_set_explains_itself(tmp_path: Path) -> None:
    config = GeneratorConfig(
        layouts={"classic": 1}, faults={FaultKind.TOTAL: 1}, shares=Shares(faulty=1)
    )
    generate(config, 3, tmp_path, seed=5)
    card = (tmp_path / "README.md").read_text()
    assert "# 3 synthetic invoices" in card
    assert "| classic | 3 |" in card
    assert "| total | 3 |" in card
    with Image.open(tmp_path / "contact_sheet.png") as sheet:
        assert sheet.size == (720, 340)


def test_the_truth_and_the_manifests_have_the_field_shapes(tmp_path: Path) -> None:
    generate(GeneratorConfig(), 3, tmp_path, seed=8)
    entries = json.loads((tmp_path / "training_manifest.json").read_text())
    assert set(entries[0]) == {
        "invoice_id", "pdf_path", "image_path", "ground_truth_path", "page_num", "is_augmented",
    }  # fmt: skip
    for entry in entries:
        assert (tmp_path / entry["pdf_path"]).exists()
        with Image.open(tmp_path / entry["image_path"]) as image:
            assert image.mode == "RGB"
            assert min(image.size) > 450  # a till roll is 80 mm wide
            image.load()
        truth = json.loads((tmp_path / entry["ground_truth_path"]).read_text())
        invoice = Invoice.model_validate(truth["invoice"])
        assert truth["invoice_id"] == (invoice.number.value if invoice.number else None)
        assert len(truth["items"]) == len(invoice.lines)
        assert set(truth["vendor"]) == {"name", "address", "tax_id"}
        net = [line.net_amount for line in invoice.lines]
        assert all(printed and printed.places for printed in net)
    pairs = json.loads((tmp_path / "training_manifest_pairs.json").read_text())
    for pair in pairs:
        assert (tmp_path / "images" / pair["image"]).exists()
        assert (tmp_path / "ground_truth" / pair["ground_truth"]).exists()


def test_the_png_holds_the_drawn_pixels(tmp_path: Path) -> None:
    for folder in ("images", "pdfs", "words", "ground_truth"):
        (tmp_path / folder).mkdir()
    write_document(tmp_path, GeneratorConfig(), 2, 0)
    drawn = render_pages((tmp_path / "pdfs" / "inv-000001.pdf").read_bytes())
    with Image.open(tmp_path / "images" / "inv-000001-1.png") as image:
        assert image.tobytes() == drawn[0].tobytes()
        assert round(image.info["dpi"][0]) == 150


def test_what_a_worker_finds_wrong_is_said_as_if_it_were_here(tmp_path: Path) -> None:
    config = GeneratorConfig(
        faults={FaultKind.CHECKSUM: 1},
        locales={"en-US": 1},
        shares=Shares(faulty=1, gtin=0, abroad=0),
    )
    with pytest.raises(UnusableInput, match="leave checksum out of faults"):
        generate(config, 20, tmp_path, seed=1, workers=2)


def test_a_whole_set_does_not_depend_on_the_order_of_hashes(tmp_path: Path) -> None:
    made = []
    for number in ("1", "2"):
        command = [
            str(Path(sys.executable).with_name("ernie-invoice")), "generate", "--count", "14",
            "--seed", "3", "--config", str(CONFIGS / "default.yaml"),
            "--output", str(tmp_path / number),
        ]  # fmt: skip
        environment = os.environ | {"PYTHONHASHSEED": number}
        subprocess.run(command, check=True, capture_output=True, env=environment)
        made.append(hashes(tmp_path / number))
    assert made[0] == made[1]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed: see tests/ray")
def test_without_ray_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"pip install \"ernie-invoice\[ray\]\""):
        generate(GeneratorConfig(), 1, tmp_path, seed=1, ray="local")
