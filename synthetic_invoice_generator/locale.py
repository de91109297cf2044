"""What a language and country print: wordings, number and date forms, vocabulary.

One YAML file a locale in `locales/`, checked strictly when it is read.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from erniekit_finetuning.errors import Problem, UnusableInput

FOLDER = Path(__file__).parent / "locales"

LabelKey = Literal[
    "title", "number", "issue_date", "due_date", "currency", "seller", "buyer", "vat_id",
    "seller_vat_id", "buyer_vat_id", "payment_terms", "order_number", "customer_number",
    "delivery_date", "contact", "position", "code", "unit", "description", "quantity",
    "unit_price", "discount_rate", "tax_rate", "net_amount", "line_total", "allowance_total",
    "charge_total", "tax_exclusive", "tax", "tax_on", "tax_total", "tax_inclusive", "prepaid",
    "payable",
]  # fmt: skip
LABEL_KEYS: tuple[LabelKey, ...] = get_args(LabelKey)
Wording = Literal["common", "house"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberForm(_Strict):
    """Decimal mark and thousands separator; `weight` is how often it is drawn."""

    decimal: str
    group: str
    weight: float


class CurrencyForm(_Strict):
    """Symbols one of which is printed, and forms such as "{s}{a}" (s symbol, a amount)."""

    weight: float
    symbols: tuple[str, ...]
    forms: tuple[str, ...]


class Wordings(_Strict):
    """Ways to say one label; `house` ones are kept for styles that ask for them."""

    common: tuple[str, ...]
    house: tuple[str, ...]


class Locale(_Strict):
    """One locale's data; the YAML files show each field with its content."""

    code: str
    language: str
    country: str
    country_name: tuple[str, ...]
    faker: str
    paper: dict[str, float]
    numbers: tuple[NumberForm, ...]
    currencies: dict[str, CurrencyForm]
    dates: tuple[str, ...]
    tax_rates: dict[str, float]
    two_rates_share: float
    vat_countries: dict[str, float]
    vat_id_share: dict[Literal["seller", "buyer"], float]
    legal_forms: tuple[str, ...]
    trades: tuple[str, ...]
    syllables: tuple[str, ...]
    streets: tuple[str, ...]
    extra_lines: tuple[str, ...]
    places: tuple[str, ...]
    number_prefixes: tuple[str, ...]
    terms: tuple[str, ...]
    terms_now: tuple[str, ...]
    thanks: tuple[str, ...]
    notes: tuple[str, ...]
    tax_free: tuple[str, ...]
    footers: tuple[str, ...]
    banks: tuple[str, ...]
    goods: tuple[str, ...]
    services: tuple[str, ...]
    qualifiers: tuple[str, ...]
    units: tuple[str, ...]
    page: tuple[str, ...]
    colon: str
    labels: dict[LabelKey, Wordings]

    @model_validator(mode="after")
    def _every_label(self) -> Locale:
        missing = [key for key in LABEL_KEYS if key not in self.labels]
        if missing:
            raise ValueError(f"labels without wordings: {', '.join(missing)}")
        return self

    def wordings(self, key: LabelKey, wording: Wording) -> tuple[str, ...]:
        """The wordings of a label; common ones where the house has none."""
        found = self.labels[key]
        return (found.house or found.common) if wording == "house" else found.common


def locale_codes() -> tuple[str, ...]:
    """The locales that have a data file, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def load_locale(code: str) -> Locale:
    """The locale named `code`, such as "de-DE".

    Raises UnusableInput when there is no such locale.
    """
    if code not in locale_codes():
        raise UnusableInput(
            Problem("unknown locale", found=code, expected=" or ".join(locale_codes()))
        )
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw: Any = yaml.load((FOLDER / f"{code}.yaml").read_text(encoding="utf-8"), Loader=loader)
    return Locale.model_validate(raw)
