"""What a language and country print: wordings, number and date forms, vocabulary.

One YAML file a locale in `locales/`, checked strictly when it is read. en-US.yaml explains every
field; the others follow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from erniekit_finetuning.errors import Problem, UnusableInput

FOLDER = Path(__file__).parent / "locales"

LabelKey = Literal[
    # titles, by what the document is
    "title", "title_credit_note", "title_proforma", "title_receipt", "title_prepayment",
    "title_partial",
    # rows beside the invoice's number
    "number", "issue_date", "due_date", "currency", "payment_terms", "order_number",
    "contract_number", "customer_number", "delivery_date", "period", "preceding_invoice",
    "payment_reference", "contact", "incoterms",
    # parties and where to pay
    "seller", "buyer", "deliver_to", "vat_id", "seller_vat_id", "buyer_vat_id", "tax_number",
    "legal_id", "bank", "iban", "bic",
    # columns of the lines
    "position", "code", "gtin", "hs_code", "origin", "unit", "description", "quantity",
    "unit_price", "discount_rate", "tax_category", "tax_rate", "net_amount",
    # totals and the summary of taxes
    "line_total", "allowance_total", "charge_total", "tax_exclusive", "tax", "tax_on", "tax_total",
    "tax_included", "tax_in_currency", "tax_inclusive", "prepaid", "withholding", "rounding",
    "payable", "taxable", "tax_amount", "exchange_rate",
    # elsewhere
    "signature", "payment_slip", "conditions",
]  # fmt: skip
LABEL_KEYS: tuple[LabelKey, ...] = get_args(LabelKey)
Wording = Literal["common", "house"]
Paper = Literal["a4", "us-letter", "a5", "us-legal"]
Trade = Literal[
    "goods", "services", "utilities", "telecom", "construction", "hospitality", "retail"
]
TRADES: tuple[Trade, ...] = get_args(Trade)
# Why no tax is charged, each with the tax category (UNCL 5305) that says so.
Exemption = Literal[
    "zero_rated", "exempt", "reverse_charge", "intra_community", "export", "outside_scope"
]
CATEGORY: Mapping[Exemption, str] = {
    "zero_rated": "Z",
    "exempt": "E",
    "reverse_charge": "AE",
    "intra_community": "K",
    "export": "G",
    "outside_scope": "O",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberForm(_Strict):
    """Decimal mark and thousands separator; `weight` is how often it is drawn.

    `sizes` are the lengths of the groups from the right, the last repeated: [3, 2] in India.
    """

    decimal: str
    group: str
    weight: float
    sizes: tuple[int, ...] = (3,)


class CurrencyForm(_Strict):
    """Symbols one of which is printed, and forms such as "{s}{a}" (s symbol, a amount)."""

    weight: float
    symbols: tuple[str, ...]
    forms: tuple[str, ...]


class Wordings(_Strict):
    """Ways to say one label; `house` ones are kept for styles that ask for them."""

    common: tuple[str, ...]
    house: tuple[str, ...] = ()


class Offer(_Strict):
    """What firms of one trade sell: names of things and the units they are counted in."""

    things: tuple[str, ...]
    units: tuple[str, ...]


class Locale(_Strict):
    """One locale's data; en-US.yaml explains each field."""

    code: str
    language: str
    country: str
    country_name: tuple[str, ...]
    script: Literal["latin", "japanese", "chinese"] = "latin"
    faker: str
    paper: dict[Paper, float]
    numbers: tuple[NumberForm, ...]
    currencies: dict[str, CurrencyForm]
    dates: tuple[str, ...]
    tax_rates: dict[str, float]
    two_rates_share: float
    tax_parts: tuple[str, ...] = ()
    withholding_rates: dict[str, float] = {}
    exemptions: dict[Exemption, tuple[str, ...]]
    vat_countries: dict[str, float]
    vat_id_share: dict[Literal["seller", "buyer"], float]
    tax_numbers: tuple[str, ...] = ()
    legal_ids: tuple[str, ...] = ()
    firms: tuple[str, ...]
    person: str
    legal_forms: tuple[str, ...]
    trades: tuple[str, ...]
    syllables: tuple[str, ...]
    addresses: tuple[str, ...]
    streets: tuple[str, ...]
    extra_lines: tuple[str, ...]
    places: tuple[str, ...]
    number_prefixes: tuple[str, ...]
    terms: tuple[str, ...]
    terms_now: tuple[str, ...]
    thanks: tuple[str, ...]
    notes: tuple[str, ...]
    footers: tuple[str, ...]
    banks: tuple[str, ...]
    bank_lines: tuple[str, ...] = ()
    offers: dict[Trade, Offer]
    qualifiers: tuple[str, ...]
    details: tuple[str, ...]
    advance: tuple[str, ...]
    progress: tuple[str, ...]
    page: tuple[str, ...]
    stamps: tuple[str, ...]
    colon: str
    labels: dict[LabelKey, Wordings]

    @model_validator(mode="after")
    def _complete(self) -> Locale:
        missing: list[str] = [key for key in LABEL_KEYS if key not in self.labels]
        missing += [trade for trade in TRADES if trade not in self.offers]
        if missing:
            raise ValueError(f"nothing to print for: {', '.join(missing)}")
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
