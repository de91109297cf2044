"""A running service takes over what is promoted or rolled back, and loses no document by it."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from app.config.settings import Settings
from app.core.learning.promotion import promoted
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.core.processes import Closed
from erniekit_finetuning.console import messages
from erniekit_finetuning.errors import UnusableInput

SECONDS = 5.0  # between looks at the link


def follows(settings: Settings) -> bool:
    """Whether `serve` reads with the promoted model, where there is one."""
    said = settings.kept.follow_promoted
    return settings.ernie_vl.fine_tuned_model_path is None if said is None else said


def serving(settings: Settings) -> Settings:
    """The settings with the promoted model in the place of their own, where it is followed.

    Raises UnusableInput when the link of the promoted model leads nowhere.
    """
    found = promoted(settings.kept.models) if follows(settings) else None
    if found is None:
        return settings
    with_it = settings.ernie_vl.model_copy(update={"fine_tuned_model_path": found})
    return settings.model_copy(update={"ernie_vl": with_it})


class Following:
    """Looks at the link every few seconds, and swaps the service's first model when it changed.

    A model that cannot be loaded is told and not tried again, and the one before goes on.
    """

    def __init__(
        self, service: ErnieVLMService, settings: Settings, seconds: float = SECONDS
    ) -> None:
        self._service, self._settings, self._seconds = service, settings, seconds
        self._told: str | None = None
        self._refused: str | None = None
        self._ended = Event()
        self._thread = Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a swap that is under way is finished."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._look()
            except Closed:
                return
            except (UnusableInput, OSError) as error:
                self._tell(f"the promoted model is not used: {error}")

    def _look(self) -> None:
        wanted = serving(self._settings).ernie_vl.first_model
        if wanted in (self._service.model, self._refused):
            return
        self._refused = wanted  # until it is loaded
        self._service.swap(Path(wanted))
        self._refused = None
        self._tell(f"{wanted} reads from now on")

    def _tell(self, text: str) -> None:
        if text != self._told:
            messages.print(text)
        self._told = text
