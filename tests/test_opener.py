"""Files of strangers: what hurts the process that opens them costs their sender an answer only."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import typst
from raw_pdf import raw_pdf

from app.core.documents.opener import Opener
from app.core.processes import Busy, Closed
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.documents.pdf import render_page
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.errors import UnusableInput

TEXT = "Invoice R-17, Acme GmbH, total 99.00"


@pytest.fixture(scope="module")
def opener() -> Iterator[Opener]:
    opener = Opener(processes=2, megabytes=3000, seconds=60, most_open=16)
    yield opener
    opener.close()


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    return drawn(tmp_path / "fine.pdf", TEXT)


def drawn(path: Path, text: str, page: str = "width: 12cm, height: 6cm") -> Path:
    source = path.with_suffix(".typ")
    source.write_text(f"#set page({page})\n{text}", encoding="utf-8")
    path.write_bytes(typst.compile(str(source)))
    return path


def raw(path: Path, page: str, content: bytes) -> Path:
    path.write_bytes(raw_pdf(page, content))
    return path


def test_words_come_through_as_if_read_here(opener: Opener, pdf: Path) -> None:
    found = opener.open(pdf)
    assert found.source == "text layer"
    assert document_text(found) == document_text(read_document(pdf)) == TEXT


def test_problems_of_a_file_come_through_with_its_name(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "noise.pdf").write_bytes(b"%PDF-1.7 nothing")
    with pytest.raises(UnusableInput, match=r"noise\.pdf: the PDF cannot be opened"):
        opener.open(tmp_path / "noise.pdf")
    with pytest.raises(UnusableInput, match="cannot be read"):
        opener.open(tmp_path / "missing.pdf")


def test_a_page_that_would_be_an_image_of_gigabytes_is_refused(
    opener: Opener, tmp_path: Path
) -> None:
    wide = raw(tmp_path / "wide.pdf", "/MediaBox[0 0 14400 14400]", b"0 0 m 9 9 l S")
    with pytest.raises(UnusableInput, match=r"too large; found 40000 x 40000 pixels"):
        opener.open(wide)


def test_too_many_pages_are_refused_before_they_are_read(opener: Opener, tmp_path: Path) -> None:
    many = drawn(tmp_path / "many.pdf", "a #pagebreak() " * 60)
    with pytest.raises(UnusableInput, match="too many pages; found 61"):
        opener.open(many)


def test_a_file_that_takes_too_long_is_given_up_and_the_next_is_read(
    tmp_path: Path, pdf: Path
) -> None:
    """A stream that unpacks to a gigabyte of drawing."""
    slow = raw(tmp_path / "slow.pdf", "/MediaBox[0 0 600 800]", b"0 0 m 600 800 l S\n" * 40_000_000)
    opener = Opener(processes=1, megabytes=3000, seconds=4, most_open=16)
    started = time.monotonic()
    with pytest.raises(UnusableInput, match=r"takes too long|more memory|safely"):
        opener.open(slow)
    assert time.monotonic() - started < 30
    assert document_text(opener.open(pdf)) == TEXT
    opener.close()


def test_pages_without_a_size_and_of_too_many_words_are_refused(
    opener: Opener, tmp_path: Path
) -> None:
    outside = "/MediaBox[0 0 600 800]/CropBox[1000 1000 1100 1100]"
    with pytest.raises(UnusableInput, match=r"no size; found 0 x 0 points"):
        opener.open(raw(tmp_path / "outside.pdf", outside, b"0 0 m 9 9 l S"))
    words = "ab " * 6000
    many = drawn(tmp_path / "words.pdf", f"#set text(2pt)\n{words}", "width: 60cm, height: 60cm")
    with pytest.raises(UnusableInput, match=r"too many words; found 6000 words"):
        opener.open(many)


def test_who_is_interrupted_leaves_no_answer_to_the_next_file(
    pdf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: the next file got the words of the one before."""
    other = drawn(tmp_path / "other.pdf", "Another invoice")
    opener = Opener(processes=1, megabytes=3000, seconds=60, most_open=4)
    assert document_text(opener.open(pdf)) == TEXT
    (process,) = [one for one in opener._free.queue if one is not None]
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    scan = tmp_path / "scan.png"
    render_page(pdf, 0, 150).save(scan)
    signal.setitimer(signal.ITIMER_REAL, 0.3)  # a Ctrl-C while the scan is read
    with pytest.raises(KeyboardInterrupt):
        opener.open(scan)
    assert document_text(opener.open(other)) == "Another invoice"
    assert process.poll() is not None
    opener.close()


def test_after_the_end_nothing_is_opened(pdf: Path) -> None:
    opener = Opener(processes=2, megabytes=3000, seconds=60, most_open=4)
    opener.open(pdf)
    opener.close()
    opener.close()
    with pytest.raises(Closed):
        opener.open(pdf)


def test_more_files_than_may_wait_are_refused(pdf: Path, tmp_path: Path) -> None:
    opener = Opener(processes=1, megabytes=3000, seconds=60, most_open=2)
    scan = tmp_path / "scan.png"
    render_page(pdf, 0, 150).save(scan)
    with ThreadPoolExecutor(2) as clients:
        reading = [clients.submit(opener.open, scan) for _ in range(2)]
        time.sleep(0.2)
        with pytest.raises(Busy):
            opener.open(pdf)
        assert all(one.result().source == "ocr" for one in reading)
    assert document_text(opener.open(pdf)) == TEXT
    opener.close()


def test_a_process_that_is_killed_costs_nobody_an_answer(pdf: Path, tmp_path: Path) -> None:
    """One while it reads a scan, and one that waits for the next file."""
    render_page(pdf, 0, 150).save(tmp_path / "scan.png")
    opener = Opener(processes=1, megabytes=2999, seconds=60, most_open=16)
    with ThreadPoolExecutor(1) as client:
        reading = client.submit(opener.open, tmp_path / "scan.png")
        time.sleep(0.5)
        assert killed("document_worker.py\0002999") == 1
        assert reading.result().source == "ocr"
    assert killed("document_worker.py\0002999") == 1
    assert document_text(opener.open(pdf)) == TEXT
    opener.close()
    assert killed("document_worker.py\0002999") == 0


def killed(command: str) -> int:
    """How many processes of a command line were there to be killed."""
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if command in (folder / "cmdline").read_text():
                os.kill(int(folder.name), signal.SIGKILL)
                found += 1
    return found
