"""Settings: shipped ones load, faulty ones are refused with every fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from erniekit_finetuning.errors import UnusableInput
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.locale import (
    locale_codes,
)

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_configs_load(path: Path) -> None:
    assert set(load_config(path).locales) <= set(locale_codes())


def test_pretraining_never_sees_the_house_form() -> None:
    pretrain, house = load_config(CONFIGS / "pretrain.yaml"), load_config(CONFIGS / "house.yaml")
    assert not set(pretrain.layouts) & set(house.layouts)
    assert (pretrain.wordings, house.wordings) == ("common", "house")


def test_all_faults_of_a_config_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(
        "layouts: {clasic: 1}\nmax_line: 3\nlocales: {de-AT: 1}\n"
        "shares: {due_dat: 0.5, prepaid: 2}\n"
    )
    with pytest.raises(UnusableInput) as refused:
        load_config(path)
    problems = {problem.field: problem for problem in refused.value.problems}
    assert set(problems) == {
        "layouts.clasic",
        "max_line",
        "shares.due_dat",
        "shares.prepaid",
        "locales",
    }
    assert problems["max_line"].cure == "did you mean max_lines?"
    assert problems["shares.due_dat"].cure == "did you mean due_date?"
    assert problems["layouts.clasic"].cure == "did you mean classic?"
    assert all(problem.file == str(path) for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("content", "what"), [("layouts: [", "is not YAML"), ("- 1\n", "has a wrong value")]
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(content)
    with pytest.raises(UnusableInput, match=what):
        load_config(path)
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_config(tmp_path / "absent.yaml")
