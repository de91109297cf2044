"""What pydantic finds wrong with a value, as the problems that a user sees."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.errors import Problem, UnusableInput, brief, joined


def unusable(error: ValidationError, shown: bool = False, **told: Any) -> UnusableInput:
    """Every fault, with its field and what else is `told` of all (file, line, expected, cure).

    `shown`: with what was found there, cut short; not for what may be secret or belongs to others.

    >>> from pydantic import BaseModel, ConfigDict
    >>> class Row(BaseModel):
    ...     model_config = ConfigDict(extra="forbid")
    ...     count: int
    >>> try:
    ...     Row.model_validate({"count": "x", "other": 1})
    ... except ValidationError as error:
    ...     print(unusable(error, shown=True, file="a.jsonl", line=2).problems[1])
    a.jsonl:2: other: unknown key; found 1
    """
    return UnusableInput(
        [
            Problem(
                said(fault),
                field=field_of(fault),
                found=brief(fault["input"]) if shown and fault["type"] != "missing" else None,
                **told,
            )
            for fault in error.errors(include_url=False)
        ]
    )


def wrong_file(error: ValidationError, kind: str, **told: Any) -> UnusableInput:
    """A file that is not what it should be (`an evaluation result`), by its first fault."""
    fault = error.errors(include_url=False)[0]
    return UnusableInput(Problem(f"is not {kind}: {said(fault)}", field=field_of(fault), **told))


def said(fault: Any) -> str:
    """A fault in words."""
    words = {"extra_forbidden": "unknown key", "missing": "the key is missing"}
    return words.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")


def field_of(fault: Any) -> str | None:
    """Where a fault is: `lines[0].quantity`; None for the whole.

    >>> field_of({"loc": ("lines", 0, "quantity")}), field_of({"loc": ()})
    ('lines[0].quantity', None)
    """
    return joined(fault["loc"]) or None
