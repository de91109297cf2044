"""What reviewers look at next."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from app.api.answers import refusals
from app.core.learning.store import Store


class QueuedDocument(BaseModel):
    """A kept document that nobody corrected: `name` is what its sender called it."""

    document_id: str
    name: str
    score: float
    reason: str


def queue_routes(store: Store) -> APIRouter:
    """GET /queue."""
    router = APIRouter()

    @router.get("/queue", responses=refusals(422))
    def queue(limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[QueuedDocument]:
        """Documents without a correction, those that would teach most first."""
        return [
            QueuedDocument(document_id=one.id, name=one.name, score=one.score, reason=one.reason)
            for one in store.queue(limit)
        ]

    return router
