"""What reviewers send back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.core.learning.store import Store


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

    @router.post("/feedback", status_code=201, responses={422: {"description": "Cannot be used."}})
    def feedback(given: Feedback) -> Taken:
        """Keep a correction of a reading, for the next training."""
        number = store.correct(given.document_id, given.corrected, given.reviewer)
        return Taken(number=number)

    return router
