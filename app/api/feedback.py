"""What reviewers send back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.answers import refusals
from app.core.learning.store import Store
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import unusable
from erniekit_finetuning.invoice.strict_json import exact_number, parse

MOST = 2**20  # bytes of a correction


class Feedback(BaseModel):
    """A reviewer's correction: fields of the reading, whole or in part; lists are replaced whole.

    Fields are named as in `structured_data`, or as in the model's own schema; a path such as
    `line_items[0].quantity` reaches one value.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "document_id": "6f1c5a0e8d3b4b7f9a2c1d0e5f6a7b8c",
                    "corrected": {"vendor_block": {"name": "Acme GmbH"}},
                    "reviewer": "ann",
                }
            ]
        },
    )

    document_id: str = Field(max_length=64)
    corrected: dict[str, Any]
    reviewer: str | None = Field(default=None, max_length=200)


class Taken(BaseModel):
    """A correction that is kept, by its number."""

    number: int


def feedback_routes(store: Store) -> APIRouter:
    """POST /feedback."""
    router = APIRouter()
    asked = {"content": {"application/json": {"schema": Feedback.model_json_schema()}}}

    @router.post(
        "/feedback",
        status_code=201,
        responses=refusals(408, 413, 422),
        openapi_extra={"requestBody": {**asked, "required": True}},
    )
    async def feedback(request: Request) -> Taken:
        """Keep a correction of a reading, for the next training."""
        body = await request.body()
        if len(body) > MOST:
            raise HTTPException(413, f"a correction of at most {MOST} bytes is expected")
        return Taken(number=await run_in_threadpool(_kept, store, body))

    return router


def _kept(store: Store, body: bytes) -> int:
    """Keep it; numbers stay as they were written. Raises UnusableInput for what is no feedback."""
    said = parse(body, exact_number)
    try:
        exact_json(said).encode()
        given = Feedback.model_validate(said)
    except UnicodeEncodeError as error:
        raise UnusableInput(Problem("half a letter: a surrogate without the other one")) from error
    except ValidationError as error:
        raise unusable(error) from error
    return store.correct(given.document_id, given.corrected, given.reviewer)
