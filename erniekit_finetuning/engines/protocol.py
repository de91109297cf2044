"""What every engine does, in words that no engine owns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from erniekit_finetuning.engines.locating import Source
    from erniekit_finetuning.recipes.model import Recipe


@dataclass(frozen=True)
class Message:
    """One turn, before any chat template; an answer is learnt unless `trained` is false."""

    role: Literal["system", "user", "assistant"]
    content: str
    trained: bool = True


@dataclass(frozen=True)
class Example:
    """A conversation to learn; `images` are files, one for each image tag in it."""

    messages: tuple[Message, ...]
    id: str = ""
    images: tuple[str, ...] = ()

    @classmethod
    def ask(cls, prompt: str, answer: str, id: str = "") -> Example:
        """One question with its answer."""
        return cls((Message("user", prompt), Message("assistant", answer)), id)


class TokenScore(NamedTuple):
    """A token of an answer: how many characters the answer has with it, and its log probability.

    Natural logarithm, the model's own probability before any constraint: where a constraint forced
    a token that the model did not want, it is low. `allowed` is the log of the share of the model's
    probability that the constraint left; 0 where the answer was free, or nobody tells.
    """

    end: int
    logprob: float
    allowed: float = 0.0


@dataclass(frozen=True)
class Generation:
    """One answer. `finished` is false when the token limit cut it off.

    `seconds` runs from the start of the call to this answer's end, so in a batch it counts the
    waiting too. `tokens` holds the emitted tokens, the end token included; () where a service does
    not tell them.
    """

    text: str
    finished: bool
    new_tokens: int
    seconds: float
    prompt_tokens: int = 0
    tokens: tuple[TokenScore, ...] = ()

    @property
    def mean_logprob(self) -> float | None:
        """Mean over the tokens; None where they are not told."""
        scores = [token.logprob for token in self.tokens]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class Metric:
    """One line of metrics.jsonl; a field that was not measured at this step is None.

    `seconds` are those of all steps so far, evaluations not counted.
    """

    step: int
    epoch: float
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    tokens_per_second: float | None = None
    peak_memory_mb: float | None = None
    seconds: float | None = None

    @property
    def perplexity(self) -> float | None:
        """e to the validation loss: among how many tokens the model wavers."""
        return None if self.eval_loss is None else math.exp(min(self.eval_loss, 700))


@dataclass(frozen=True)
class TrainResult:
    """What a training left behind and what it cost.

    `model` is the adapter folder, or the whole model's folder when LoRA is off. `train_loss` is the
    mean of the last logged steps; `eval_loss` the best one, reached at `best_step`, whose weights
    are the ones saved. `trained_token_share` is learnt tokens over all tokens of the training
    examples. `sequences` is how many sequences these make; `padding_before` is the share of padding
    that batches of them would have in their order, and what was trained has none. What another
    trainer does not tell is None. `settings` are those that model, optimizer and encoder had at the
    end, by the recipe's keys; {} where another trainer trained. `left_out` counts examples that
    were too long; `warnings` tell what is legal and likely not meant.
    """

    model: Path
    steps: int
    train_loss: float
    eval_loss: float | None
    best_step: int
    train_examples: int
    validation_examples: int
    trained_token_share: float | None
    sequences: int
    padding_before: float | None
    stopped_early: bool
    trainable_parameters: int
    total_parameters: int
    lora_modules: tuple[str, ...]
    seconds: float
    tokens_per_second: float | None
    peak_memory_mb: float | None
    resumed_from_step: int | None
    shown_example: str
    versions: dict[str, str]
    already_finished: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """What a constraint must know of a model: its tokens, and how many logits a step gives.

    `tokenizer_json` is the content of a tokenizer.json, None for a tokenizer that has none; `size`
    counts padding, too.
    """

    tokenizer_json: str | None
    size: int
    end_token: int


class Constraint(Protocol):
    """What one answer may say, token by token."""

    def added(self) -> NDArray[np.float32]:
        """What is added to the next token's logits, over the whole vocabulary.

        0, a penalty below 0, or -inf for a token that may not come; never -inf for all. The token
        whose sum is highest is chosen. Its log probability is told without what was added.
        """
        ...

    def possible(self, tokens: Sequence[int]) -> int:
        """How many of these, from the first on, may come next; nothing goes on."""
        ...

    def accept(self, token: int) -> None:
        """Go on by the token that was chosen."""
        ...


# One is made when its row starts and dropped when its batch ends, so thousands need little memory.
# None leaves the answer free.
ConstraintMaker = Callable[[Vocabulary], Constraint | None]


@dataclass(frozen=True)
class Question:
    """A conversation up to the answer that is asked for; `images` are files, one for each tag.

    `constraint` bounds the answer; None leaves it free.
    """

    messages: tuple[Message, ...]
    images: tuple[str, ...] = ()
    constraint: ConstraintMaker | None = None

    @classmethod
    def ask(cls, prompt: str, constraint: ConstraintMaker | None = None) -> Question:
        """A question of one turn."""
        return cls((Message("user", prompt),), (), constraint)


class Reader(Protocol):
    """A loaded model that answers."""

    @property
    def max_tokens(self) -> int:
        """Context length in tokens, prompt and answer together."""
        ...

    @property
    def sees_images(self) -> bool:
        """Whether questions may carry images."""
        ...

    def count_tokens(self, question: Question) -> int:
        """Tokens of a question inside the chat template, those that stand for images included.

        Raises UnusableInput for a question that cannot be asked.
        """
        ...

    def generate(
        self,
        questions: Sequence[Question],
        max_new_tokens: int,
        on_done: Callable[[int, Generation], None] | None = None,
    ) -> list[Generation]:
        """Answer greedily, in the order of `questions`.

        `on_done(index, generation)` is called as each one ends. Raises UnusableInput, before any
        is answered, naming every question that cannot be asked (images that are missing, cannot be
        read, or that the model does not see) or that leaves no room for an answer.
        """
        ...


class Engine(Protocol):
    """Trains and loads. Raises UnusableInput before the work starts, never half-way."""

    def train(
        self,
        recipe: Recipe,
        train: Sequence[Example],
        validation: Sequence[Example],
        run: Path,
        on_metric: Callable[[Metric], None],
        on_step: Callable[[int, int], None],
    ) -> TrainResult:
        """Train into `run`: checkpoints/ while it works, then adapter/ (model/ without LoRA).

        Continues from the newest checkpoint in `run`. `on_step(done, total)` follows every
        optimizer step. Metrics at or before a resumed step are not reported again.
        """
        ...

    def load(self, model: str | Path | Source, batch_size: int = 16) -> Reader:
        """Load a model by name, a model folder, an adapter folder, a run folder, or what was
        located."""
        ...

    def logits(self, model: str | Path, prompts: Sequence[str]) -> list[NDArray[np.float32]]:
        """The logits [tokens, vocabulary] after each token of each prompt, computed in float32.

        An adapter is computed beside its base, not merged into it.
        """
        ...
