"""What a training reads, and how it becomes sequences."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from erniekit_finetuning.recipes.section import AsTuple, Name, Section

HubName = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
Mixing = Literal["concat", "probabilities", "interleave_under", "interleave_over"]


class SourceSection(Section):
    """Pairs, conversations or instructions, as prepare_data writes or reads them.

    hub   a data set of the hub, as `owner/name`; its split `train` is read.
    path  a file, which takes the place of `hub` where both are given.
    """

    hub: HubName | None = None
    path: Name | None = None
    probability: float | None = Field(default=None, gt=0, le=1)
    max_samples: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _named(self) -> SourceSection:
        if self.hub is None and self.path is None:
            raise ValueError("a source needs a path, or hub for a data set of the hub")
        return self

    @property
    def place(self) -> str:
        """Where its rows are read: the file, else the hub's name."""
        return self.path or self.hub or ""


Sources = Annotated[tuple[SourceSection, ...], AsTuple]


class DataSection(Section):
    """What is trained on.

    mixing   concat: one after the other. probabilities: each example comes from a source drawn by
             its probability, `max_samples` of them (by default as many as there are in all).
             interleave_under, interleave_over: in turn, until the first or the last source ends;
             over repeats the shorter ones.
    packing  a batch counts sequences of up to `max_seq_len` tokens that hold several examples each,
             which do not see each other; else it counts examples.
    longer_examples  what becomes of examples longer than `max_seq_len` tokens: refuse makes them an
             error, leave_out counts them and trains without them.
    validation_file  takes the place of validation_share.
    chat_template  in the place of the model's own: the name of one that ships (chatml, gemma,
             llama-3.1), or a file in Jinja.
    end_token  what ends an answer, one token of the model's vocabulary: by default that of the
             template named, else the model's own.
    schema   a JSON Schema that all answers keep. It stays with what is trained: whoever asks that
             model later asks for this shape.
    """

    sources: Sources = ()
    mixing: Mixing = "concat"
    max_samples: int | None = Field(default=None, ge=1)
    validation_share: float = Field(default=0.1, ge=0, le=0.5)
    validation_file: Name | None = None
    system_prompt: Name | None = None
    # pydantic's own models have a `schema`.
    answer_schema: Name | None = Field(default=None, alias="schema")
    chat_template: Name | None = None
    end_token: Name | None = None
    train_on_responses_only: bool = True
    packing: bool = False
    max_seq_len: int = Field(default=2048, ge=8)
    longer_examples: Literal["refuse", "leave_out"] = "refuse"
    seed: int = Field(default=0, ge=0)

    @property
    def holds_out(self) -> bool:
        """Whether anything is held out to judge by."""
        return self.validation_share > 0 or self.validation_file is not None

    @model_validator(mode="after")
    def _mixing_fits(self) -> DataSection:
        given = [source.probability is not None for source in self.sources]
        if self.mixing == "probabilities":
            if not self.sources or not all(given):
                raise ValueError("mixing: probabilities needs sources with a probability each")
            total = sum(source.probability or 0 for source in self.sources)
            if abs(total - 1) > 1e-6:
                raise ValueError(f"the probabilities of the sources sum to {total:g}, not to 1")
        elif any(given):
            raise ValueError("a probability is for mixing: probabilities alone")
        return self
