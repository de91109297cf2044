"""One client: honest nine times of ten, hostile the tenth."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from random import Random
from threading import Event
from typing import Any

import httpx

from tests.soak.hostile import SENDERS, Files, hostile_corrections, hostile_sender, hostile_upload
from tests.soak.serving import Service
from tests.soak.tally import Tally

READ, CORRECT = "read", "correct"


class Client:
    """Sends until it is told to stop; `expected` is what each honest document is read as."""

    def __init__(
        self,
        number: int,
        service: Service,
        documents: Mapping[str, bytes],
        expected: Mapping[str, Any],
        files: Files,
        tally: Tally,
    ) -> None:
        self._number, self._service, self._tally = number, service, tally
        self._documents, self._expected, self._files = documents, expected, files
        self._rng = Random(number)
        self._corrections = 0

    def run(self, over: Event) -> None:
        """Until it is over."""
        with self._service.client() as http:
            while not over.is_set():
                if self._rng.random() < 0.1:
                    self._hostile(http)
                else:
                    self._honest(http, over)

    def _honest(self, http: httpx.Client, over: Event) -> None:
        name = self._rng.choice(list(self._documents))
        began = time.monotonic()
        upload = {"file": (f"{name}.pdf", self._documents[name])}
        answer = self._told(READ, lambda: http.post("/v1/invoices:extract", files=upload))
        if answer is None:
            self._tally.break_("a reading was not answered")
        elif answer.status_code == 429:
            self._wait_as_told(answer, over)
        elif answer.status_code == 200:
            read = answer.json()
            self._tally.reading(read["document_id"], time.monotonic() - began)
            if read["invoice"] != self._expected[name]:
                self._tally.break_("a document was read as another time it was not")
            if self._rng.random() < 0.7:
                self._correct(http, read["document_id"])
        elif answer.status_code in (503, 504):
            self._tally.event(f"{answer.status_code}: {answer.json()['detail'][0]['what']}")
        else:
            self._tally.break_(f"an honest document was answered with {answer.status_code}")

    def _correct(self, http: httpx.Client, document_id: str) -> None:
        mark = f"{self._number}-{self._corrections}"
        self._corrections += 1
        said = {"document_id": document_id, "corrected": {"payment_terms": mark}, "reviewer": mark}
        answer = self._told(CORRECT, lambda: http.post("/v1/feedback", json=said))
        if answer is None:
            self._tally.corrected(mark, accepted=False)
            self._tally.break_("a correction was not answered")
        elif answer.status_code == 201:
            self._tally.corrected(mark, accepted=True)
        else:
            self._tally.break_(f"an honest correction was answered with {answer.status_code}")

    def _hostile(self, http: httpx.Client) -> None:
        kind = self._rng.choice(["file", "file", "correction", "sender"])
        if kind == "file":
            what = self._rng.choice(list(self._files))
            data = self._files[what]()
            answer = self._told(what, lambda: hostile_upload(http, data, self._rng))
        elif kind == "correction":
            what, body = self._rng.choice(list(hostile_corrections("0" * 32).items()))
            answer = self._told(what, lambda: http.post("/v1/feedback", content=body))
        else:
            what = self._rng.choice(SENDERS)
            self._tally.send(f"sender: {what}")
            hostile_sender(what, self._service.port, self._service.key, self._rng)
            return
        if answer is None:
            self._tally.break_(f"{what} was not answered")
        elif answer.status_code == 200:
            self._tally.reading(answer.json()["document_id"], 0)
        elif answer.status_code == 201:
            self._tally.break_(f"{what} was taken as a correction")

    def _told(self, kind: str, ask: Any) -> httpx.Response | None:
        """Its answer, whole; None where the service hung up or said nothing."""
        self._tally.send(kind)
        try:
            answer: httpx.Response = ask()
        except httpx.TransportError as error:
            self._tally.event(f"{kind}: {type(error).__name__}")
            return None
        self._tally.answer(kind, answer.status_code)
        if answer.status_code >= 400:
            try:
                assert all(fault["what"] for fault in answer.json()["detail"])
            except (json.JSONDecodeError, KeyError, TypeError, AssertionError):
                self._tally.break_(f"a refusal of another shape: {answer.text[:100]}")
        return answer

    def _wait_as_told(self, answer: httpx.Response, over: Event) -> None:
        after = answer.headers.get("Retry-After", "")
        if not after.isdigit() or int(after) < 1:
            self._tally.break_("429 without seconds to wait")
        else:
            over.wait(int(after))
