"""The files of jobs on disk: each is there until its document has its result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from erniekit_finetuning.files import on_disk, written_whole

_LEFT = 3600  # seconds after which what belongs to no job is nobody's upload any more


class JobFiles:
    """A folder for each job, with a file for each document: its position."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def of(self, job: str, position: int) -> Path:
        """The file of a document."""
        return self._folder / job / str(position)

    def taken(self, job: str) -> AbstractContextManager[Path]:
        """A folder to write a new job's files to, which appears whole or not at all."""
        return written_whole(self._folder / job)

    def settled(self) -> None:
        """Wait until the folders of jobs outlive a power cut."""
        on_disk(None, self._folder)

    def remove(self, job: str, position: int) -> None:
        """Remove a document's file, and its job's folder with the last one."""
        file = self.of(job, position)
        file.unlink(missing_ok=True)
        with suppress(OSError):  # others are there still, or it is gone
            file.parent.rmdir()

    def remove_job(self, job: str) -> None:
        """Remove a job's files."""
        shutil.rmtree(self._folder / job, ignore_errors=True)

    def sweep(self, waiting: Iterable[tuple[str, int]], known: Iterable[str]) -> None:
        """Remove what a service that was killed left: all files but those of waiting documents.

        What belongs to no job may be on its way still, to a service beside this one: it is removed
        when it is old.
        """
        wanted: dict[str, set[str]] = {job: set() for job in known}
        for job, position in waiting:
            wanted[job].add(str(position))
        for folder in list(self._folder.iterdir()):
            if folder.name not in wanted:
                with suppress(FileNotFoundError):
                    if time.time() - folder.stat().st_mtime > _LEFT:
                        self.remove_job(folder.name)
            elif not wanted[folder.name]:
                self.remove_job(folder.name)
            else:
                for file in folder.iterdir():
                    if file.name not in wanted[folder.name]:
                        file.unlink(missing_ok=True)
