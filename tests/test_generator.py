"""The generator: exact arithmetic, valid identifiers, printed truth, sameness and resuming."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
import stdnum.bic
import stdnum.br.cnpj
import stdnum.ch.vat
import stdnum.cn.uscc
import stdnum.ean
import stdnum.eu.vat
import stdnum.gb.vat
import stdnum.iban
import stdnum.in_.gstin
import stdnum.jp.cn
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.model import Box
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice, Printed
from erniekit_finetuning.invoice.rules import Profile, Status, check
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig, load_config
from synthetic_invoice_generator.dataset.document_files import write_document
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.dataset.stream import pdf_documents
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.faults.kinds import FaultKind
from synthetic_invoice_generator.faults.slips import misread
from synthetic_invoice_generator.locale import LABEL_KEYS, LabelKey, load_locale, locale_codes
from synthetic_invoice_generator.looks import fonts
from synthetic_invoice_generator.looks.rendering import render_pages, render_pdf
from synthetic_invoice_generator.looks.style import FAMILIES, Family
from synthetic_invoice_generator.scenario.amounts import CENT, Slip, Step, Terms, sums
from synthetic_invoice_generator.scenario.goods import gtin
from synthetic_invoice_generator.scenario.identifiers import IBAN_COUNTRIES, bic, iban, vat_number
from synthetic_invoice_generator.settings import Shares

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"
D = Decimal
TOTALS: tuple[LabelKey, ...] = (
    "line_total", "allowance_total", "charge_total", "tax_exclusive", "tax_total",
    "tax_inclusive", "prepaid", "withholding", "rounding", "payable",
)  # fmt: skip


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def broken(invoice: Invoice, profile: Profile = Profile.SIMPLE) -> set[str]:
    bad = (Status.FAIL, Status.AMBIGUOUS)
    return {finding.rule for finding in check(invoice, profile) if finding.status in bad}


@pytest.mark.parametrize("profile", Profile)
def test_every_invoice_passes_every_rule(profile: Profile) -> None:
    for index in range(600):
        assert not broken(draft(GeneratorConfig(), 11, index).invoice, profile), index


def test_the_sums_are_those_of_a_worked_example() -> None:
    lines = [(D("100.00"), D("19")), (D("0.03"), D("19")), (D("50.00"), D("7"))]
    result = sums(lines, Terms(prepaid_share=D(10), withholding_rate=D(20)))
    assert (result.line_total, result.tax_exclusive) == (D("150.03"), D("150.03"))
    assert [(row.rate, row.taxable, row.tax) for row in result.tax] == [
        (D(19), D("100.03"), D("19.01")),
        (D(7), D("50.00"), D("3.50")),
    ]
    assert (result.tax_total, result.tax_inclusive) == (D("22.51"), D("172.54"))
    assert (result.prepaid, result.withholding) == (D("17.25"), D("30.01"))
    assert result.payable == D("125.28")


def test_sums_in_yen_in_two_taxes_with_tax_included_and_rounded_to_five_cents() -> None:
    yen = sums([(D(1055), D(10))], Terms(unit=D(1)))
    assert (yen.tax_total, yen.tax_inclusive) == (D(106), D(1161))
    india = sums([(D("99.99"), D(18))], Terms(parts=2, round_to=D(1)))
    assert [(row.rate, row.tax) for row in india.tax] == [(D(9), D("9.00"))] * 2
    assert (india.rounding, india.payable) == (D("0.01"), D("118.00"))
    shop = sums([(D("11.90"), D(19)), (D("1.07"), D(7))], Terms(include_tax=True))
    assert (shop.tax_inclusive, shop.tax_exclusive, shop.tax_total) == (
        D("12.97"),
        D("11.00"),
        D("1.97"),
    )
    swiss = sums([(D("10.02"), D("8.1"))], Terms(round_to=D("0.05")))
    assert (swiss.tax_inclusive, swiss.payable, swiss.rounding) == (
        D("10.83"),
        D("10.85"),
        D("0.02"),
    )


@given(
    nets=st.lists(st.integers(1, 10**7), min_size=1, max_size=8),
    rate=st.sampled_from(["0", "5", "8.875", "19"]),
    share=st.integers(0, 90),
    step=st.none() | st.sampled_from(Step),
)
def test_a_slip_is_followed_by_every_later_amount(
    nets: list[int], rate: str, share: int, step: Step | None
) -> None:
    lines = [(D(net) / 100, D(rate)) for net in nets]
    slip = None if step is None else Slip(step, D("9.00"))
    made = sums(lines, Terms(prepaid_share=D(share)), slip)
    wrong = {
        Step.LINE_TOTAL: made.line_total != sum(net for net, _ in lines),
        Step.TAX_EXCLUSIVE: made.tax_exclusive != made.line_total,
        Step.TAX: abs(made.tax[0].tax - made.tax[0].taxable * D(rate) / 100) > CENT,
        Step.TAX_TOTAL: made.tax_total != sum(row.tax for row in made.tax),
        Step.TAX_INCLUSIVE: made.tax_inclusive != made.tax_exclusive + made.tax_total,
        Step.PAYABLE: made.payable != made.tax_inclusive - made.prepaid,
    }
    assert [name for name, is_wrong in wrong.items() if is_wrong] == ([step] if step else [])


def test_invoices_vary_and_leave_optional_fields_out() -> None:
    invoices = [draft(GeneratorConfig(), 12, index).invoice for index in range(200)]
    assert len({invoice.number.printed for invoice in invoices if invoice.number}) > 190
    assert len({len(invoice.lines) for invoice in invoices}) >= 7
    for name in ("due_date", "payment_terms", "currency"):
        absent = sum(getattr(invoice, name) is None for invoice in invoices)
        assert 0 < absent < 150, name
    assert any(len(invoice.tax_breakdown) == 2 for invoice in invoices)
    assert any(invoice.totals.prepaid for invoice in invoices)
    assert any(invoice.totals.allowance_total for invoice in invoices)


IN_THE_UNION = ["DE", "FR", "AT", "NL", "BE", "ES", "IT", "PL"]
RULES = {
    "GB": stdnum.gb.vat, "CH": stdnum.ch.vat, "IN": stdnum.in_.gstin, "BR": stdnum.br.cnpj,
    "CN": stdnum.cn.uscc,
}  # fmt: skip


@pytest.mark.parametrize("country", [*IN_THE_UNION, *RULES, "JP"])
def test_vat_numbers_have_valid_check_digits(country: str) -> None:
    rng = Random(5)
    for _ in range(60):
        number = vat_number(rng, country)
        if country in IN_THE_UNION:
            assert stdnum.eu.vat.is_valid(number), number
        elif country == "JP":
            assert number[0] == "T"
            assert stdnum.jp.cn.is_valid(number[1:]), number
        else:
            assert RULES[country].is_valid(number), number


@pytest.mark.parametrize("country", sorted(IBAN_COUNTRIES))
def test_ibans_and_gtins_have_valid_check_digits(country: str) -> None:
    rng = Random(6)
    for _ in range(60):
        number = iban(rng, country)
        assert stdnum.iban.is_valid(number), number
        assert stdnum.bic.is_valid(bic(rng, country))
        assert stdnum.ean.is_valid(gtin(rng))


@pytest.mark.parametrize("code", locale_codes())
def test_house_wordings_are_never_common_and_each_total_has_words_of_its_own(code: str) -> None:
    locale = load_locale(code)
    for key in LABEL_KEYS:
        words = locale.labels[key]
        common = {text.casefold() for text in words.common}
        assert not common & {text.casefold() for text in words.house}, key
        assert len(words.common) >= 3, key
    seen: dict[str, str] = {}
    for total in TOTALS:
        for text in locale.labels[total].common + locale.labels[total].house:
            assert seen.setdefault(text.casefold(), total) == total, text


@pytest.mark.parametrize("family", FAMILIES)
def test_every_printed_value_has_its_place_and_no_word_covers_another(family: Family) -> None:
    config = GeneratorConfig(
        layouts={family: 1}, wordings="house" if family == "ledger" else "common"
    )
    values = 0
    for invoice, document in pdf_documents(config, seed=21, start=0, count=14):
        for path, printed in leaves(located(invoice, document)):
            values += 1
            assert printed.places, (path, printed.printed)
        for page in document.pages:
            boxes = [word.box for word in page.words]
            assert all(0.004 < side < 0.996 for box in boxes for side in box), family
            assert not any(covers(one, other) for one, other in combinations(boxes, 2))
    assert values > 200


def covers(one: Box, other: Box) -> bool:
    """Whether two words overlap by more than the blank parts of their boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    lower = min(one[3] - one[1], other[3] - other[1])
    return wide > 0.002 and high > 0.35 * lower


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_breaks_exactly_its_rule_and_the_page_shows_it(kind: FaultKind) -> None:
    config = GeneratorConfig(faults={kind: 1}, shares=Shares(faulty=1))
    for index in range(25):
        made = draft(config, 31, index)
        assert made.fault is not None
        assert made.fault.kind is kind
        assert broken(made.invoice) == {made.fault.rule}
        found = {path: value.printed for path, value in leaves(made.invoice)}
        assert found.get(made.fault.field) == made.fault.printed != made.fault.right
        document = read_pdf(render_pdf(made.invoice, made.style))
        text = "".join(word.text for page in document.pages for word in page.words)
        for printed in found.values():
            for row in printed.split("\n"):
                assert "".join(row.split()) in text, row


@given(st.integers(1, 10**9), st.sampled_from(["0.01", "1", "0.001"]), st.randoms())
def test_a_misread_amount_is_never_the_right_one(units: int, unit: str, rng: Random) -> None:
    right = units * D(unit)
    assert misread(rng, right, D(unit)) != right
    assert misread(rng, -right, D(unit)) != -right


def test_an_impossible_fault_is_an_error_not_a_faultless_set() -> None:
    config = GeneratorConfig(
        faults={FaultKind.CHECKSUM: 1},
        locales={"en-US": 1},
        shares=Shares(faulty=1, gtin=0, abroad=0),
    )
    with pytest.raises(UnusableInput, match="no document of these settings can have this fault"):
        draft(config, 1, 0)


def test_text_with_markup_is_drawn_as_it_is() -> None:
    made = draft(GeneratorConfig(layouts={"classic": 1}), 3, 0)
    odd = '#panic("x") *b* $y$ <l> \\ "q" @r'
    line = made.invoice.lines[0].model_copy(update={"description": Printed(printed=odd, value=odd)})
    invoice = made.invoice.model_copy(update={"lines": (line,)})
    words = [word.text for word in read_pdf(render_pdf(invoice, made.style)).pages[0].words]
    assert "".join(odd.split()) in "".join(words)


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
        program, "generate", "--count", "48", "--seed", "9", "--workers", "2",
        "--config", str(CONFIGS / "default.yaml"), "--output", str(killed),
    ]  # fmt: skip
    config = load_config(CONFIGS / "default.yaml")
    generate(config, 48, whole, seed=9)
    rng = Random(1)
    for _ in range(3):
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = len(list(killed.glob("ground_truth/*.json"))) + rng.randint(1, 8)
        while len(list(killed.glob("ground_truth/*.json"))) < wanted:
            assert run.poll() is None
            time.sleep(0.02)
        run.kill()
        run.wait()
    assert 0 < generate(config, 48, killed, seed=9).made < 48
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
            assert min(image.size) > 1200
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


def test_without_its_package_a_face_gives_way_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = frozenset(face.name for face in fonts.FACES if face.package is None)
    monkeypatch.setattr(fonts, "installed", lambda: bundled)
    assert {fonts.at_hand(face).name for face in fonts.faces(["serif", "sans", "mono"])} <= bundled
    assert "fonts-liberation2" in fonts.missing_packages()
    made = [draft(GeneratorConfig(), 2, index) for index in range(30)]
    assert {one.style.face.name for one in made} == {
        "Libertinus Serif",
        "New Computer Modern",
        "DejaVu Sans Mono",
    }
    assert read_pdf(render_pdf(made[0].invoice, made[0].style)).pages[0].words


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
