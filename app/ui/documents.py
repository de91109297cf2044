"""The desk's own routes: files in, page pictures out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response, UploadFile
from fastapi import Path as InPath

from app.api.receiving import received
from app.core.learning.keeping import keep_reading
from app.ui.guard import UPLOAD
from app.ui.reviewing import Reviewing
from erniekit_finetuning.extraction import CUT

Page = Annotated[int, InPath(ge=1)]


def document_routes(reviewing: Reviewing) -> APIRouter:
    """POST a document, GET a picture of its page."""
    router = APIRouter()
    service, store = reviewing.service, reviewing.store

    @router.post(UPLOAD, status_code=201)
    def take(file: UploadFile) -> dict[str, Any]:
        """Read a PDF or an image and keep it; gives its id, and whether the answer was cut off."""
        with received(file) as path:
            document = service.open(path)
            reading = service.reading_of(document)
            kept = keep_reading(store, file.filename or "", path, reading)
        reviewing.remember(kept, document)
        return {"document_id": kept, "notes": [CUT] if reading.extraction.truncated else []}

    @router.get(f"{UPLOAD}/{{document_id}}/pages/{{page}}")
    def picture(document_id: str, page: Page) -> Response:
        """Page `page` (from 1) of a kept document."""
        data = service.picture(store.kept(document_id).file, page - 1)
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(data, media_type="image/jpeg", headers=headers)

    return router
