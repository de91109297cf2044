"""The sections of the settings, with their defaults and bounds."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.extraction import MAX_NEW_TOKENS


class ErnieVL(BaseModel):
    """The model: a base (name or folder), and the adapter, run or merged folder tuned from it.

    `models`: further ones by name, for a tenant or a kind of document. `answer_schema`: a JSON
    Schema of answers in the place of the models' own. `allowed_folder`: models are loaded from
    below it alone. `rows` documents are read side by side by each model, `most_open` may be open at
    once; one that is not read after `timeout_seconds` is given up.
    """

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    base_model: str = "ernie-4.5-tiny"
    fine_tuned_model_path: Path | None = None
    models: dict[str, Path] = {}
    allowed_folder: Path | None = None
    engine: str = "paddle"
    max_new_tokens: int = Field(default=MAX_NEW_TOKENS, gt=0)
    decoding: Decoding = Decoding.STRICT
    answer_schema: Path | None = None
    rows: int = Field(default=16, gt=0)
    most_open: int = Field(default=64, gt=0)
    timeout_seconds: float = Field(default=120, gt=0)

    @property
    def first_model(self) -> str:
        """The model that reads documents for which no other is named."""
        return str(self.fine_tuned_model_path or self.base_model)


class Documents(BaseModel):
    """How files are opened: by how many processes, each of how much memory, a file in how long."""

    model_config = ConfigDict(extra="forbid")

    processes: int = Field(default=2, gt=0)
    megabytes: int = Field(default=3000, ge=1000)
    seconds: float = Field(default=60, gt=0)


class Kept(BaseModel):
    """Where documents and corrections are kept: a folder, and a database (any URL of SQLAlchemy),
    by default a SQLite file in the folder.

    `follow_promoted`: whether `serve` reads with the model that `improve` promoted. Left out: where
    no fine-tuned model is named.
    """

    model_config = ConfigDict(extra="forbid")

    folder: Path = Path("runs/service")
    database: SecretStr | None = None  # with its password
    follow_promoted: bool | None = None

    @property
    def url(self) -> str:
        """The database's URL."""
        if self.database is not None:
            return self.database.get_secret_value()
        return f"sqlite:///{self.folder / 'store.db'}"

    @property
    def jobs(self) -> Path:
        """The folder of the files of batch jobs that are not read yet."""
        return self.folder / "jobs"

    @property
    def models(self) -> Path:
        """The folder of what was trained on corrections, and of the link to the promoted model."""
        return self.folder / "models"


class Api(BaseModel):
    """Where HTTP is served, and the key that /v1 wants."""

    model_config = ConfigDict(extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    key: SecretStr | None = Field(default=None, min_length=16)

    @field_validator("key")
    @classmethod
    def _in_headers(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not key.get_secret_value().isascii():
            raise ValueError("letters, digits and signs of ASCII only: it travels in a header")
        return key


class Jobs(BaseModel):
    """Batch jobs: how many documents are read side by side, and how large a job may be.

    `at_once` documents of all jobs are read together while nobody else asks, but at most a quarter
    of `ernie_vl.most_open`. A job has at most `most_documents` and `megabytes`, files and form;
    `most_open` jobs may be unfinished. A job is removed `keep_days` after its last result.
    """

    model_config = ConfigDict(extra="forbid")

    at_once: int = Field(default=4, gt=0)
    most_documents: int = Field(default=500, gt=0)
    megabytes: int = Field(default=500, gt=0)
    most_open: int = Field(default=16, gt=0)
    keep_days: int = Field(default=90, gt=0)
