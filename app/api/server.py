"""HTTP: health, the models, and the reading of one invoice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any

from anyio import to_thread
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Form,
    Response,
    UploadFile,
)
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, SecretStr

from app.api.answers import refusals
from app.api.bounds import Bounded
from app.api.examples import READING, SENT
from app.api.feedback import feedback_routes
from app.api.jobs import PATH, job_routes
from app.api.key import key_holder
from app.api.metrics import Counted, Metrics
from app.api.queue import queue_routes
from app.api.readings import OwnReading, Reading
from app.api.receiving import name_of, received
from app.api.refusals import Told, add_refusals
from app.core.jobs.runner import Runner
from app.core.learning.keeping import keep_reading, told_reading
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning import __version__


def _while_served(
    service: ErnieVLMService, jobs: Runner | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Each document that may be open has a thread that waits for it, and some are left.

    Jobs end with the application: what ends the process by a signal leaves time for that.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens += 2 * service.settings.most_open
        yield
        if jobs is not None:
            await to_thread.run_sync(jobs.close)

    return lifespan


class Model(BaseModel):
    """A model that reads documents; `name` is what to ask for it by, None for the first one."""

    name: str | None
    model: str


class Readiness(BaseModel):
    """Whether the model can be asked now."""

    ready: bool


def create_app(
    service: ErnieVLMService,
    key: SecretStr | None = None,
    store: Store | None = None,
    jobs: Runner | None = None,
) -> FastAPI:
    """The application around a loaded service.

    With a key, /v1 wants it as a bearer token. With a store, documents are kept with what was read,
    and can be corrected. With a runner, there are batch jobs until
    the application ends.
    """
    app = FastAPI(title="ernie-invoice", version=__version__, lifespan=_while_served(service, jobs))
    guarded = [] if key is None else [Depends(key_holder(key))]
    metrics = Metrics(service)
    larger = {} if jobs is None else {f"/v1{PATH}": jobs.settings.megabytes * 2**20}
    app.add_middleware(Bounded, others=larger)
    app.add_middleware(Counted, metrics=metrics)
    v1 = APIRouter(prefix="/v1", dependencies=guarded, responses=refusals(401))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Answers while the service runs, to everybody: what it reads with is at /v1/models."""
        return {"status": "ok", "version": __version__}

    loading = {"model": Readiness, "description": "The model is being loaded."}

    @app.get("/readyz", response_model=Readiness, responses={503: loading})
    async def readyz() -> JSONResponse:
        """Answers 200 while the model can be asked."""
        ready = service.ready
        return Told({"ready": ready}, status_code=200 if ready else 503)

    as_text: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
    }

    @app.get(
        "/metrics",
        dependencies=guarded,
        response_class=Response,
        responses=as_text | refusals(401),
    )
    async def prometheus() -> Response:
        """Requests, documents, tokens, in Prometheus' text form."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @v1.get("/models")
    def models() -> list[Model]:
        """The models that documents can be read with."""
        named = [Model(name=name, model=model) for name, model in service.models.items()]
        return [Model(name=None, model=service.model), *named]

    read_so: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"example": READING}}}
    }

    @v1.post(
        "/invoices:extract",
        response_model=Reading | OwnReading,
        responses=read_so | refusals(400, 408, 413, 422, 429, 503, 504),
        openapi_extra={"requestBody": {"content": {"multipart/form-data": {"example": SENT}}}},
    )
    def extract(file: UploadFile, model: Annotated[str | None, Form()] = None) -> Any:
        """Read one PDF or image: invoice, findings and the places of every value.

        A model with a schema of its own gives that JSON and the places of every value.
        """
        with received(file) as path:
            reading = service.reading(path, model)
            read, kept = reading.extraction, None
            metrics.read(read)
            if store is not None:
                kept = keep_reading(store, name_of(file), path, reading)
        return Response(told_reading(read, kept), media_type="application/json")

    add_refusals(app)
    if store is not None:
        v1.include_router(feedback_routes(store))
        v1.include_router(queue_routes(store))
    if jobs is not None:
        jobs.on_read(metrics.read)
        v1.include_router(job_routes(service, jobs))
    app.include_router(v1)
    return app
