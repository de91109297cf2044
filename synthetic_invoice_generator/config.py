"""The generator's settings, read from YAML with every fault reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from erniekit_finetuning.errors import Problem, UnusableInput
from synthetic_invoice_generator.faults.kinds import FaultKind
from synthetic_invoice_generator.locale import Paper, Trade, Wording, locale_codes
from synthetic_invoice_generator.looks.style import FAMILIES, FOR_RECEIPTS, Family
from synthetic_invoice_generator.scans.tiers import Effect, Strength, Tier
from synthetic_invoice_generator.settings import DocumentType, Share, Shares

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class GeneratorConfig(BaseModel):
    """What is generated. Weights are relative: {classic: 2, modern: 1} draws two classic to one.

    A layout is drawn among those that fit the document: `roll` is for receipts.
    `effects` lowers the strength of scan effects: {noise: 0.5} halves it, {fold: 0} leaves it out.
    `validation` and `test` are shares of documents kept out of the training split; those of
    `unseen` layouts make a test split of their own. `wordings: house` draws the label wordings
    that no other set uses. `paper` None takes the locale's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    locales: Annotated[dict[str, Weight], Field(min_length=1)] = dict.fromkeys(locale_codes(), 1.0)
    layouts: Annotated[dict[Family, Weight], Field(min_length=1)] = {
        **dict.fromkeys(FAMILIES, 1.0), "roll": 10.0,
    }  # fmt: skip
    documents: Annotated[dict[DocumentType, Weight], Field(min_length=1)] = {
        "invoice": 75, "credit_note": 7, "proforma": 4, "receipt": 6, "prepayment": 4, "partial": 4,
    }  # fmt: skip
    trades: Annotated[dict[Trade, Weight], Field(min_length=1)] = {
        "goods": 40, "services": 20, "utilities": 8, "telecom": 8, "construction": 9,
        "hospitality": 7, "retail": 8,
    }  # fmt: skip
    faults: Annotated[dict[FaultKind, Weight], Field(min_length=1)] = dict.fromkeys(FaultKind, 1.0)
    tiers: Annotated[dict[Tier, Weight], Field(min_length=1)] = {Tier.CLEAN: 1.0}
    effects: dict[Effect, Strength] = {}
    validation: Share = 0.0
    test: Share = 0.0
    unseen: tuple[Family, ...] = ()
    wordings: Wording = "common"
    max_lines: Annotated[int, Field(ge=1, le=60)] = 60
    paper: Paper | None = None
    shares: Shares = Shares()

    @model_validator(mode="after")
    def _possible(self) -> GeneratorConfig:
        if self.validation + self.test > 1:
            raise ValueError("validation and test together are more than the whole set")
        if not any(self.layouts_for(document) for document in self.documents):
            raise ValueError(
                f"layouts {', '.join(self.layouts)} draw receipts only, and documents has none"
            )
        return self

    def layouts_for(self, document: DocumentType) -> dict[Family, float]:
        """The weighted layouts that draw documents of this kind."""
        return {
            family: weight
            for family, weight in self.layouts.items()
            if document == "receipt" or family not in FOR_RECEIPTS
        }

    @field_validator("locales")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [code for code in value if code not in locale_codes()]
        if unknown:
            raise ValueError(f"no such locale: {', '.join(unknown)}; have {list(locale_codes())}")
        return value


def load_config(path: Path) -> GeneratorConfig:
    """Read a YAML file; raises UnusableInput with every fault in it."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(path), found=error.strerror or str(error))
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = None if mark is None else mark.line + 1
        what = getattr(error, "problem", None) or str(error)
        raise UnusableInput(
            Problem("is not YAML", file=str(path), line=line, found=what)
        ) from error
    return parse_config({} if raw is None else raw, str(path))


def parse_config(raw: Any, file: str | None = None) -> GeneratorConfig:
    """Check settings that were already read; raises UnusableInput with every fault."""
    try:
        return GeneratorConfig.model_validate(raw)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise UnusableInput([_problem(dict(fault), file) for fault in faults]) from error


def _problem(fault: dict[str, Any], file: str | None) -> Problem:
    where = [str(part) for part in fault["loc"] if part != "[key]"]
    field = ".".join(where) or None
    if fault["type"] == "extra_forbidden":
        known = Shares.model_fields if where[0] == "shares" else GeneratorConfig.model_fields
        return Problem(
            "is not a setting",
            file=file,
            field=field,
            expected="one of " + ", ".join(known),
            cure=_did_you_mean(where[-1], list(known)),
        )
    expected = str(fault["msg"])
    if "expected" in fault.get("ctx", {}):
        expected = str(fault["ctx"]["expected"])
    options = FAMILIES if where[:1] == ["layouts"] else ()
    return Problem(
        "has a wrong value",
        file=file,
        field=field,
        found=repr(fault["input"]),
        expected=expected,
        cure=_did_you_mean(str(fault["input"]), options),
    )


def _did_you_mean(found: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(found, known, n=1)
    return f"did you mean {close[0]}?" if close else None
