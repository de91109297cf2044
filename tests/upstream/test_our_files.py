"""PaddleFormers itself trains on what prepare_data writes (ERNIEKit: make test-erniekit)."""

from __future__ import annotations

from pathlib import Path

import pytest

from upstream.models import paddleformers_model
from upstream.our_files import write_files
from upstream.rows import answers_of, read_rows, turns_of
from upstream.running import installed
from upstream.train_paddleformers import train_one_step

pytestmark = pytest.mark.skipif(
    not installed("paddleformers").startswith("1.2."), reason="needs PaddleFormers 1.2: make test"
)


def test_paddleformers_trains_on_every_row_that_we_write(tmp_path: Path) -> None:
    model = paddleformers_model(tmp_path / "model")
    files = write_files(tmp_path)
    for kind in ("messages", "erniekit"):
        rows = read_rows(files[kind])
        assert len(rows) == 5
        result = train_one_step(files[kind], kind, model, tmp_path / f"run-{kind}")
        assert result.trained, result.log[-3000:]
        assert (result.samples, result.refusals) == (len(rows), ())
        for row in rows:
            assert any(
                all(turn in whole for turn in turns_of(row, kind))
                and all(answer in trained for answer in answers_of(row, kind))
                for whole, trained in result.texts
            ), row
