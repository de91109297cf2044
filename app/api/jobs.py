"""Batch jobs over HTTP: made, watched, fetched and cancelled."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from app.api.answers import refusals
from app.api.form_on_disk import FILES, MODEL, FormOnDisk
from app.api.job_answers import JobAnswer, Results, results_text
from app.core.jobs.runner import Runner
from app.core.jobs.store import Sent
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.errors import Problem, UnusableInput

PATH = "/jobs"
_MOST_AFTER = 2**31 - 1
_FORM = {
    "type": "object",
    "required": [FILES],
    "additionalProperties": False,
    "properties": {
        FILES: {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "contentMediaType": "application/octet-stream"},
            "description": "PDFs and images, each at most as large as one that is read at once.",
        },
        MODEL: {"type": "string", "description": "A name of /v1/models; the first without one."},
    },
}
_SENT = {"content": {"multipart/form-data": {"schema": _FORM}}, "required": True}
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="What you call this request: sent again under it, it makes no second job.",
    ),
]
_Answers = dict[int | str, dict[str, Any]]
_MADE: _Answers = {
    202: {
        "description": "The job is made; ask at Location how far it is.",
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
    **refusals(408, 413, 422, 429),
}


def job_routes(service: ErnieVLMService, runner: Runner) -> APIRouter:
    """POST and GET /jobs, GET and DELETE one, GET its results."""
    router = APIRouter()
    store = runner.store
    coming = 0  # requests whose files are on their way

    async def sent(request: Request, id_: str) -> Sent:
        """Write the files of a request to disk; raises UnusableInput, TooLarge."""
        with store.files.taken(id_) as folder:
            folder.mkdir()
            kind = request.headers.get("content-type", "")
            form = FormOnDisk(kind, folder, runner.settings.most_documents)
            try:
                async for chunk in request.stream():
                    await run_in_threadpool(form.write, chunk)
                found = form.end()
            except ClientDisconnect as error:
                raise UnusableInput(Problem("the request was cut off")) from error
            finally:
                form.close()
            service.check_named(found.model)
            return found

    @router.post(PATH, status_code=202, responses=_MADE, openapi_extra={"requestBody": _SENT})
    async def make(request: Request, response: Response, key: Key = None) -> JobAnswer:
        """Send documents that are read when there is room; each gets one result.

        The same request under the same key gives the job that it made before.
        """
        nonlocal coming
        if key is None or not await run_in_threadpool(store.is_known, key):
            await run_in_threadpool(store.check_room, coming)
        id_ = uuid4().hex
        coming += 1
        try:
            found = await sent(request, id_)
            made = await run_in_threadpool(store.make, id_, found, key)
        finally:
            coming -= 1
        runner.wake()
        response.headers["Location"] = request.url_for("job", job_id=made).path
        return JobAnswer.of(await run_in_threadpool(store.progress, made))

    @router.get(PATH, responses=refusals(422))
    def jobs(limit: Annotated[int, Query(ge=1, le=100)] = 20) -> list[JobAnswer]:
        """The jobs that were made last, the last one first."""
        return [JobAnswer.of(one) for one in store.latest(limit)]

    @router.get(f"{PATH}/{{job_id}}", responses=refusals(404, 422))
    def job(job_id: str) -> JobAnswer:
        """How far a job is."""
        return JobAnswer.of(store.progress(job_id))

    @router.get(f"{PATH}/{{job_id}}/results", response_model=Results, responses=refusals(404, 422))
    def results(
        job_id: str,
        after: Annotated[int, Query(ge=0, le=_MOST_AFTER)] = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Any:
        """Results in order, those after position `after` and before the first that waits."""
        found = store.results(job_id, after, limit)
        text = results_text(found, after, store.progress(job_id).documents)
        return Response(text, media_type="application/json")

    @router.delete(f"{PATH}/{{job_id}}", responses=refusals(404, 422))
    def cancel(job_id: str) -> JobAnswer:
        """Cancel what is not read yet; results that are there stay."""
        store.cancel(job_id)
        return JobAnswer.of(store.progress(job_id))

    return router
