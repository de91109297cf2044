"""The same set on a Ray cluster (`make test-ray`): same bytes, killed or not, errors as if here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.preparing import prepare
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.parallel.on_ray import LOCAL
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset import generate as generating
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.faults.kinds import FaultKind
from synthetic_invoice_generator.scans.tiers import Tier
from synthetic_invoice_generator.settings import Shares

pytest.importorskip("ray.util")
CONFIG = GeneratorConfig(tiers={Tier.CLEAN: 1, Tier.PHOTO: 1})


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_cluster_makes_the_same_bytes_and_goes_on_where_a_process_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the tasks run elsewhere: a relative folder must still be found
    here, there = Path("here"), Path("there")
    generate(CONFIG, 40, here, seed=6)
    generate(CONFIG, 9, there, seed=6)
    assert generate(CONFIG, 40, there, seed=6, ray=LOCAL).made == 31
    assert hashes(here) == hashes(there)


def test_what_a_task_finds_wrong_is_said_as_if_it_were_here(tmp_path: Path) -> None:
    config = GeneratorConfig(
        faults={FaultKind.CHECKSUM: 1},
        locales={"en-US": 1},
        shares=Shares(faulty=1, gtin=0, abroad=0),
    )
    with pytest.raises(UnusableInput, match="leave checksum out of faults") as refused:
        generate(config, 4, tmp_path, seed=1, ray=LOCAL)
    assert refused.value.problems[0].field == "faults"


def test_a_machine_that_would_draw_other_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tasks run in other processes: they see the generator as it is, this one another.
    monkeypatch.setattr(generating, "made_with", lambda: {"generator": "another"})
    with pytest.raises(UnusableInput, match="would draw other bytes"):
        generate(CONFIG, 4, tmp_path, seed=1, ray=LOCAL)


def test_no_cluster_at_the_address_is_an_error_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="ray start --head"):
        generate(CONFIG, 4, tmp_path, seed=1, ray="auto")


def test_a_cluster_prepares_the_same_pairs(tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    rows = [
        {"document_id": str(at % 90), "prompt": f"q{at}", "completion": "a"} for at in range(99)
    ]
    source.write_text("\n".join(json.dumps(row) for row in rows) + "\n{cut")
    plan = Plan(
        Folders(tmp_path, tmp_path, tmp_path), Reading(), Building(), splits=(("test", 0.2),)
    )
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        output = tmp_path / name / "o.jsonl"
        summary = prepare(str(source), output, plan, ray=None if name == "here" else LOCAL)
        assert (summary.read, summary.converted, summary.rejected) == (100, 90, 10)
    assert hashes(tmp_path / "here") == hashes(tmp_path / "there")
