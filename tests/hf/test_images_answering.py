"""The hf engine answers about page images as transformers itself does, on stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from erniekit_finetuning.engines.protocol import Message, Question
from erniekit_finetuning.errors import UnusableInput
from hf import answering
from hf.test_architectures import colours, trained

pytestmark = pytest.mark.skipif(find_spec("peft") is None, reason="needs the extra hf")
KINDS = ("paddleocr_vl", "ernie4_5_vl_moe")
NEW = 24


@pytest.fixture(scope="module")
def apart(torch_process: ProcessPoolExecutor) -> Callable[..., Any]:
    """Calls a function of `answering` in the process with torch."""
    return lambda function, *given: torch_process.submit(function, *given).result()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two pages, of four and of more tokens."""
    folder = tmp_path_factory.mktemp("pages")
    files = (folder / "red.png", folder / "stripes.png")
    Image.new("RGB", (56, 56), "red").save(files[0])
    stripes = Image.new("L", (56, 84))
    stripes.putdata([255 * (y // 7 % 2) for y in range(84) for _ in range(56)])
    stripes.save(files[1])  # not in colour, which the model wants
    return str(files[0]), str(files[1])


@pytest.fixture(scope="module")
def questions(pages: tuple[str, str]) -> list[Question]:
    """Text alone, one image, two images, an image in the middle."""
    return [
        Question.ask("Say something of a good length, if you please."),
        about("<image>\nWhich?", pages[0]),
        about("<image>\n<image>Both", *pages),
        about("Look at <image>, please.", pages[1]),
    ]


def about(text: str, *images: str) -> Question:
    return Question((Message("user", text),), images)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_and_scores_are_those_of_transformers(
    standin: Callable[[str], Path],
    apart: Callable[..., Any],
    questions: list[Question],
    kind: str,
) -> None:
    model = standin(kind)
    assert apart(answering.sees_images, model)
    wanted = [apart(answering.reference, model, None, q, NEW) for q in questions]
    batched = apart(answering.answers, model, questions, NEW)
    for question, theirs, ours in zip(questions, wanted, batched, strict=True):
        (single,) = apart(answering.answers, model, [question], NEW)
        for found in (ours, single):
            assert found.text == theirs.text
            assert found.new_tokens == len(theirs.tokens)
            told = [token.logprob for token in found.tokens]
            assert told == pytest.approx(theirs.logprobs, abs=1e-4)
            assert sum(told) == pytest.approx(sum(theirs.at_once), abs=1e-3)
        assert apart(answering.count, model, question) == theirs.prompt_tokens == ours.prompt_tokens
    # images differ, so answers do
    other = replace(questions[1], images=questions[3].images)
    assert apart(answering.answers, model, [other], NEW)[0].tokens != batched[1].tokens
    logits = apart(answering.logits, model, questions[0].messages[0].content)
    assert logits.shape[0] == wanted[0].prompt_tokens
    assert logits[-1].argmax() == wanted[0].tokens[0]
    by_twos = apart(answering.answers, model, questions, NEW, 2)
    midway = apart(answering.midway, model, questions, NEW)
    for others in (by_twos, midway):
        assert [answer.text for answer in others] == [answer.text for answer in batched]


@pytest.mark.parametrize("kind", KINDS)
def test_a_constraint_binds_its_own_question_alone(
    standin: Callable[[str], Path],
    apart: Callable[..., Any],
    questions: list[Question],
    kind: str,
) -> None:
    model = standin(kind)
    free = apart(answering.answers, model, questions, NEW)
    bound = [replace(q, constraint=answering.Digits()) for q in questions[:2]]
    found = apart(answering.answers, model, [*bound, *questions], NEW)
    for answer in found[:2]:
        assert (len(answer.text), answer.text.isdigit(), answer.finished) == (3, True, True)
    # the bound rows ended first, and the others went on as if they had been alone
    assert [answer.text for answer in found[2:]] == [answer.text for answer in free]


def test_questions_that_cannot_be_asked_are_told_together(
    standin: Callable[[str], Path],
    apart: Callable[..., Any],
    pages: tuple[str, str],
    tmp_path: Path,
) -> None:
    model = standin("paddleocr_vl")
    text, cut, strip, line = (tmp_path / f"{n}.png" for n in ("notes", "cut", "strip", "line"))
    text.write_text("no image")
    cut.write_bytes(Path(pages[1]).read_bytes()[:-40])
    Image.new("RGB", (2000, 4)).save(strip)
    Image.new("RGB", (900, 20)).save(line)
    asked = [
        about("fine <image>", pages[0]),
        about("two <image><image>", pages[0]),
        about("none", pages[0]),
        about("no file <image>"),
        about("<image>", str(tmp_path / "gone.png")),
        about("<image>", str(text)),
        about("<image>", str(cut)),
        about("<image>", str(strip)),
        about("<image>", str(line)),
        about("<image>" + "x" * 600, pages[0]),
        about("<image> <|IMAGE|>", pages[0]),
    ]
    with pytest.raises(UnusableInput) as caught:
        apart(answering.answers, model, asked, NEW)
    problems = list(map(str, caught.value.problems))
    assert [problem.split(":")[0].split(" leaves")[0] for problem in problems] == [
        f"prompt {number}" for number in range(1, 11)
    ]
    assert all("number of image tags" in problem for problem in problems[:3])
    for problem, file in zip(problems[3:6], ("gone", "notes", "cut"), strict=True):
        assert "an image cannot be opened" in problem
        assert file in problem
    assert "the model cannot take an image: absolute aspect ratio" in problems[6]
    assert "the model cannot take an image: one of its sides" in problems[7]
    assert "leaves no room for an answer" in problems[8]
    assert "the model's image token" in problems[9]
    with pytest.raises(UnusableInput, match="the question: the number of image tags"):
        apart(answering.count, model, asked[1])


def test_a_model_of_text_alone_refuses_images(
    standin: Callable[[str], Path], apart: Callable[..., Any], pages: tuple[str, str]
) -> None:
    model = standin("ernie4_5")
    assert not apart(answering.sees_images, model)
    asked = [Question.ask("fine"), about("<image>", pages[0])]
    with pytest.raises(UnusableInput, match="prompt 1: carries images"):
        apart(answering.answers, model, asked, NEW)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_answers_about_images(
    standin: Callable[[str], Path], apart: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    examples = colours(tmp_path)
    adapter = trained(standin(kind), examples, tmp_path / "run")[0].model
    asked = [Question(example.messages[:1], example.images) for example in examples]
    ours = apart(answering.answers, adapter, asked, 8)
    wanted = [apart(answering.reference, standin(kind), adapter, q, 8) for q in asked]
    assert [answer.text for answer in ours] == [answer.text for answer in wanted]
    untrained = apart(answering.answers, standin(kind), asked, 8)
    assert [answer.text for answer in ours] != [answer.text for answer in untrained]
