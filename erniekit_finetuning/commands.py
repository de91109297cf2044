"""The commands that are not scripts of their own: generate, extract, serve, corrections."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erniekit_finetuning.console import messages
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.shipped import shipped

if TYPE_CHECKING:
    from app.config.sections import Api
    from app.config.settings import Settings
    from app.core.models.ernie_vlm_service import ErnieVLMService

Model = Annotated[
    str | None,
    typer.Option(help="Model name, or a run, adapter or merged folder; default: the settings'."),
]
Schema = Annotated[
    Path | None, typer.Option(help="JSON Schema of the answer; default: the model's own.")
]


def generate(
    count: Annotated[int, typer.Option(help="Invoices in the set.")],
    output: Annotated[Path, typer.Option(help="Folder to write or to go on with.")],
    config: Annotated[Path, typer.Option(help="Layouts, locales and shares.")] = Path(
        "configs/generator/default.yaml"
    ),
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    ray: Annotated[
        str | None,
        typer.Option(help="Work on the Ray cluster at this address instead; local: on a new one."),
    ] = None,
) -> None:
    """Draw synthetic invoices: images, PDFs, word boxes, ground truth and manifests."""
    from synthetic_invoice_generator.config import load_config
    from synthetic_invoice_generator.dataset.generate import generate as draw
    from synthetic_invoice_generator.looks.fonts import drawable, missing_packages

    settings = load_config(shipped(config))
    if missing := missing_packages():
        left_out = sorted(settings.locales.keys() - drawable(settings.locales).keys())
        messages.print(
            "some typefaces are not installed, others are drawn instead"
            + (f", and {' and '.join(left_out)} are left out" if left_out else "")
            + f"; to have them all: apt-get install {' '.join(missing)}"
        )
    result = draw(settings, count, output, seed, workers, progress=True, ray=ray)
    messages.print(f"{result.documents} invoices, {result.pages} pages, {result.made} made now")
    print(output / "training_manifest.json")


def extract(
    file: Annotated[Path, typer.Argument(help="A PDF or an image.")],
    model: Model = None,
    schema: Schema = None,
    full: Annotated[
        bool, typer.Option("--full", help="Print findings, flags and model beside the invoice.")
    ] = False,
) -> None:
    """Read one invoice: JSON on stdout, flags on stderr; exit 1 when there are flags.

    A model that was trained on a schema of its own answers in that.
    """
    from app.config.settings import settings_for
    from app.core.models.answering import Died, Unavailable
    from app.core.models.ernie_vlm_service import ErnieVLMService, TimedOut
    from erniekit_finetuning.documents.opening import read_document
    from erniekit_finetuning.extraction import UnreadableAnswer

    document = read_document(file)  # an unusable file is refused before a model is loaded
    service = ErnieVLMService(settings_for(model, schema))
    try:
        extraction = service.read(document, file=file)
    except (TimedOut, Died, Unavailable) as error:
        print(f"error: {file}: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    except UnreadableAnswer as error:
        print(f"error: {file}: the model could not read the document; {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(extraction.json_text(indent=2) if full else extraction.answer_text(indent=2))
    for flag in extraction.flags:
        print(f"flag: {flag}", file=sys.stderr)
    if extraction.flags:
        raise typer.Exit(1)


def serve(
    model: Model = None,
    schema: Schema = None,
    host: Annotated[str | None, typer.Option(help="Address; 127.0.0.1 when left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 8000 when left out.")] = None,
) -> None:
    """Serve the model over HTTP: see /docs there, and docs/service.md.

    On addresses that other machines reach only with a key (ERNIE_INVOICE_API__KEY).
    """
    try:
        import uvicorn

        from app.api.server import create_app
        from app.core.jobs.runner import Runner
        from app.core.learning.store import Store
    except ImportError as error:
        raise UnusableInput(
            Problem("the service is not installed", cure='pip install "ernie-invoice[app]"')
        ) from error
    with _serving(model, schema, host, port) as (settings, service):
        at = settings.api
        messages.print(f"{service.model} on http://{at.host}:{at.port}, try /docs")
        store = Store(settings.kept.url, settings.kept.folder)
        jobs = Runner(service, store, settings.jobs, settings.kept.jobs)
        app = create_app(service, at.key, store, jobs)
        uvicorn.run(app, host=at.host, port=at.port, log_level="warning")


def desk(
    model: Model = None,
    schema: Schema = None,
    host: Annotated[str | None, typer.Option(help="Address; 127.0.0.1 when left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 8000 when left out.")] = None,
) -> None:
    """Open the review desk: see what was read and where, correct it, go on. See docs/desk.md.

    On addresses that other machines reach only with a key (ERNIE_INVOICE_API__KEY), which is then
    the password.
    """
    try:
        from app.core.learning.store import Store
        from app.ui.desk import Desk
    except ImportError as error:
        raise UnusableInput(
            Problem("the desk is not installed", cure='pip install "ernie-invoice[app,desk]"')
        ) from error
    with _serving(model, schema, host, port) as (settings, service):
        at = settings.api
        messages.print(f"{service.model} on http://{at.host}:{at.port}")
        store = Store(settings.kept.url, settings.kept.folder)
        with closing(Desk(service, store, settings)) as opened:
            serve_page(opened.app, at)


def serve_page(page: Any, at: Api) -> None:
    """Run an ASGI application with a page until it is told to end."""
    import uvicorn

    # A page that is open holds a stream, which is not waited for.
    how: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 2}
    uvicorn.run(page, host=at.host, port=at.port, **how)


@contextmanager
def _serving(
    model: str | None, schema: Path | None, host: str | None, port: int | None
) -> Iterator[tuple[Settings, ErnieVLMService]]:
    """The settings and the service, which follows what is promoted; closed at the end."""
    from app.config.settings import settings_to_serve
    from app.core.learning.following import Following, serving
    from app.core.models.ernie_vlm_service import ErnieVLMService

    _end_in_order()
    settings = settings_to_serve(model, schema, host, port)
    service = ErnieVLMService(serving(settings))
    with closing(service), closing(Following(service, settings)):
        yield settings, service


def _end_in_order() -> None:
    """Let SIGTERM end this process as an exception does: what was started is closed."""

    # uvicorn answers what is open, then raises the signal again for who had it before.
    def end(*_: Any) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)


def corrections(
    output: Annotated[Path | None, typer.Option(help="JSONL to append to.")] = None,
) -> None:
    """Export the reviewers' corrections that were not exported yet, each once.

    To active_learning.jsonl in the service's folder when no output is named; the documents are
    in documents/ there.
    """
    from app.config.settings import load_settings
    from app.core.learning.export import export
    from app.core.learning.store import Store

    kept = load_settings().kept
    file = output or kept.folder / "active_learning.jsonl"
    count = export(Store(kept.url, kept.folder), file)
    messages.print(f"{count} corrections; their documents: {kept.folder / 'documents'}")
    print(file)
