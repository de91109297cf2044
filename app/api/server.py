"""HTTP: health, the models, and the reading of one invoice."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from anyio import to_thread
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Request,
    Response,
    UploadFile,
)
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, SecretStr

from app.api.bounds import Bounded
from app.api.feedback import feedback_routes
from app.api.key import key_holder
from app.api.metrics import Counted, Metrics
from app.api.queue import queue_routes
from app.core.learning.doubts import doubts_of
from app.core.learning.store import Store
from app.core.models.answering import Died, Unavailable
from app.core.models.ernie_vlm_service import ErnieVLMService, TimedOut
from app.core.processes import Busy, Closed
from erniekit_finetuning import __version__
from erniekit_finetuning.documents.limits import MAX_BYTES
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import Extraction, UnreadableAnswer
from erniekit_finetuning.invoice.response import structured_data
from erniekit_finetuning.own_extraction import OwnExtraction


def _with_threads(
    service: ErnieVLMService,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Each document that may be open has a thread that waits for it, and some are left."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens += 2 * service.settings.most_open
        yield

    return lifespan


class Told(JSONResponse):
    """JSON in ASCII: what is told back may hold halves of letters, which no UTF-8 can say."""

    def render(self, content: Any) -> bytes:
        """The content as JSON."""
        return json.dumps(content, separators=(",", ":")).encode("ascii")


class Model(BaseModel):
    """A model that reads documents; `name` is what to ask for it by, None for the first one."""

    name: str | None
    model: str


class Reading(Extraction):
    """An extraction, and the id under which it can be corrected."""

    document_id: str | None


class OwnReading(OwnExtraction):
    """The same in a schema of one's own."""

    document_id: str | None


def create_app(
    service: ErnieVLMService, key: SecretStr | None = None, store: Store | None = None
) -> FastAPI:
    """The application around a loaded service.

    With a key, /v1 wants it as a bearer token. With a store, documents are kept with what was read,
    and can be corrected.
    """
    app = FastAPI(title="ernie-invoice", version=__version__, lifespan=_with_threads(service))
    guarded = [] if key is None else [Depends(key_holder(key))]
    metrics = Metrics(service)
    app.add_middleware(Bounded)
    app.add_middleware(Counted, metrics=metrics)
    v1 = APIRouter(prefix="/v1", dependencies=guarded)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answers while the service runs."""
        return {"status": "ok", "model": service.model, "version": __version__}

    @app.get("/readyz", responses={503: {"description": "The model is being loaded."}})
    async def readyz() -> JSONResponse:
        """Answers 200 while the model can be asked."""
        ready = service.ready
        return Told({"ready": ready}, status_code=200 if ready else 503)

    @app.get("/metrics", dependencies=guarded, response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Requests, documents, tokens, in Prometheus' text form."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @v1.get("/models")
    def models() -> list[Model]:
        """The models that documents can be read with."""
        named = [Model(name=name, model=model) for name, model in service.models.items()]
        return [Model(name=None, model=service.model), *named]

    @v1.post("/invoices:extract", response_model=Reading | OwnReading)
    def extract(file: UploadFile, model: Annotated[str | None, Form()] = None) -> Any:
        """Read one PDF or image: invoice, findings and the places of every value.

        A model with a schema of its own gives that JSON and the places of every value.
        """
        if file.size is None or file.size > MAX_BYTES:
            raise HTTPException(413, f"a file of at most {MAX_BYTES} bytes is expected")
        with tempfile.TemporaryDirectory() as folder:
            # The client's file name is shown in messages only, never used as a path.
            path = Path(folder) / "upload"
            with path.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            read, schema = service.reading(path, model)
            metrics.read(read)
            kept = None
            if store is not None:
                data, answer = path.read_bytes(), store_form(read)
                told = read.model, answer, schema
                kept = store.keep(file.filename or "", data, *told, doubts=doubts_of(read))
        # Written here: numbers of a schema of one's own stay as they were said.
        text = f'{{"document_id":{json.dumps(kept)},{read.json_text()[1:]}'
        return Response(text, media_type="application/json")

    @app.exception_handler(Busy)
    def busy(_: Request, error: Busy) -> JSONResponse:
        headers = {"Retry-After": str(error.retry_after)}
        return Told({"detail": [{"what": str(error)}]}, 429, headers)

    @app.exception_handler(Unavailable)
    @app.exception_handler(Closed)
    def unavailable(_: Request, error: Exception) -> JSONResponse:
        return Told({"detail": [{"what": "the model cannot be asked now"}]}, 503)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [  # without what was sent, which may be of any size and kind
            {"what": fault["msg"], "field": ".".join(map(str, fault["loc"]))[:200]}
            for fault in error.errors()
        ]
        return Told({"detail": faults}, status_code=422)

    @app.exception_handler(TimedOut)
    @app.exception_handler(Died)
    def unread(_: Request, error: Exception) -> JSONResponse:
        return Told({"detail": [{"what": str(error)}]}, status_code=504)

    @app.exception_handler(UnusableInput)
    def unusable(_: Request, error: UnusableInput) -> JSONResponse:
        problems: list[dict[str, Any]] = [
            # The file's path on this machine is nobody's business.
            {key: value for key, value in asdict(problem).items() if key != "file"}
            for problem in error.problems
        ]
        return Told({"detail": problems}, status_code=422)

    @app.exception_handler(UnreadableAnswer)
    def unreadable(_: Request, error: UnreadableAnswer) -> JSONResponse:
        detail = {"what": f"the model could not read the document; {error}", "answer": error.answer}
        return Told({"detail": [detail]}, status_code=422)

    if store is not None:
        v1.include_router(feedback_routes(store))
        v1.include_router(queue_routes(store))
    app.include_router(v1)
    return app


def store_form(read: Extraction | OwnExtraction) -> dict[str, Any]:
    """What was read, as corrections and trainings have it."""
    if isinstance(read, OwnExtraction):
        return read.data
    return {"structured_data": structured_data(read.invoice)}
