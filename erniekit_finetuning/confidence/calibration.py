"""A fitted scale of confidence as a file beside the weights that it was fitted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from erniekit_finetuning.confidence.evidence import FEATURES, Evidence, features
from erniekit_finetuning.confidence.logistic import Logistic
from erniekit_finetuning.engines.run_folder import RUN_FILE
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.faults import wrong_file
from erniekit_finetuning.files import write_text

CALIBRATION_FILE = "calibration.json"
K = TypeVar("K")
_CURE = "fit it anew: ernie-invoice calibrate, or remove the file"


class Error(BaseModel):
    """A calibration error with its 95 % interval, by a bootstrap over documents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float
    high: float


class Calibration(BaseModel):
    """A logistic regression over `FEATURES`, and how it did.

    `model_sha256`: the weights whose answers it was fitted to; `decoding`: how these were made;
    `schema_sha256`: their schema (`schema_sha256`), None for answers of our shape or of any.
    `values` counts the values and nulls of the `documents`, `right` those that are right. Errors
    are of values, as an evaluation counts them: `error_before` of the raw probability,
    `error_after` of the calibrated one by models that did not see the document.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    model_sha256: str
    decoding: str
    schema_sha256: str | None = None
    data_sha256: str
    documents: int
    values: int
    right: int
    features: tuple[str, ...]
    weights: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    l2: float
    error_before: Error
    error_after: Error

    @model_validator(mode="after")
    def _complete(self) -> Calibration:
        if self.features != FEATURES:
            raise ValueError("its features are not those of this version")
        if not len(self.weights) == len(self.means) == len(self.scales) == len(FEATURES):
            raise ValueError("not one weight, mean and scale a feature")
        if not all(scale > 0 for scale in self.scales):
            raise ValueError("a scale is not above 0")
        return self

    @cached_property
    def _logistic(self) -> Logistic:
        return Logistic(self.intercept, self.weights, self.means, self.scales)

    def probabilities(self, evidence: Sequence[Evidence]) -> list[float]:
        """How likely each value is right, 0 to 1."""
        if not evidence:
            return []
        found: list[float] = np.round(self._logistic.probability(features(evidence)), 4).tolist()
        return found


def calibration_file(model: Path) -> Path:
    """Where a model folder keeps its calibration: an adapter or model of a run in the run's."""
    run = model.parent
    inner = model.name in ("adapter", "model") and (run / RUN_FILE).is_file()
    return (run if inner else model) / CALIBRATION_FILE


def confidence(evidence: Mapping[K, Evidence], calibration: Calibration | None) -> dict[K, float]:
    """How likely each value is right: calibrated, else the model's bare probability."""
    if calibration is None:
        return {key: round(one.raw, 4) for key, one in evidence.items()}
    return dict(zip(evidence, calibration.probabilities(list(evidence.values())), strict=True))


def calibration_of(
    model: Path, sha256: str, decoding: str, schema_sha256: str | None
) -> Calibration | None:
    """The calibration of a model folder; None where it has none for this decoding and schema.

    Raises UnusableInput for a file that is none, and for one that was fitted for other weights
    than those with the fingerprint `sha256`.
    """
    file = calibration_file(model)
    if not file.is_file():
        return None
    try:
        found = Calibration.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise wrong_file(error, "a calibration", file=str(file), cure=_CURE) from error
    except OSError as error:
        raise UnusableInput(
            Problem("cannot be read", file=str(file), found=error.strerror, cure=_CURE)
        ) from error
    if found.model_sha256 != sha256:
        raise UnusableInput(
            Problem(
                "the calibration was fitted for other weights",
                file=str(file),
                field="model_sha256",
                found=found.model_sha256[:12],
                expected=sha256[:12],
                cure=_CURE,
            )
        )
    fits = (found.decoding, found.schema_sha256) == (decoding, schema_sha256)
    return found if fits else None


def write_calibration(calibration: Calibration, model: Path) -> Path:
    """Write it into a model folder, whole or not at all; gives the file."""
    file = calibration_file(model)
    write_text(file, calibration.model_dump_json(indent=2) + "\n")
    return file
