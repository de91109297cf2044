"""How far the rows of a page fall to the right: scans lie a little askew, photographs more so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.documents.model import Box, Page, Word

SAME_ROW = 0.35  # of the taller word's height: enough for superscripts and OCR boxes
COLUMN_GAP = 0.8  # a gap of this share of a word's height separates columns
_WOBBLE = 1.5  # how much wider than the middle one a gap between OCR's words of one column gets
_SPECK = 1e-6  # a word without height
_STILL = 0.002  # less is the wobble of boxes of straight pages: 2 pixels in 1,000
_SIZE = 0.1  # words whose heights differ more are of two sizes: their middles tell no slope
_ALIKE = 0.02  # slopes further than this from the middle one are those of no rows
_SURE = 1.0  # page widths of rows that tell how slopes change from top to bottom
_Ends = tuple[Box, Box]  # the first and the last word of a run


def runs(page: Page) -> list[list[Word]]:
    """Neighbours in the document's own order that stand side by side in one row."""
    found: list[list[Word]] = []
    for word in page.words:
        if found and same_row(found[-1][-1].box, word.box) and _close(found[-1][-1], word, page):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def column_gap(page: Page) -> float:
    """The gap that separates columns, in heights of a word.

    Wider than `COLUMN_GAP` where OCR reads print of a typewriter: its words stand 0.7 heights
    apart, and OCR's boxes wobble as a text layer's do not.
    """
    if all(word.score == 1 for word in page.words):
        return COLUMN_GAP
    beside = [pair for pair in pairwise(page.words) if same_row(pair[0].box, pair[1].box)]
    near = [gap for pair in beside if 0 < (gap := word_gap(*pair, page)) < _WOBBLE * COLUMN_GAP]
    return max(COLUMN_GAP, _WOBBLE * median(near)) if near else COLUMN_GAP


def word_gap(left: Word, right: Word, page: Page) -> float:
    """How far apart two words stand, in heights of the smaller one.

    Of the smaller: a row holds labels and values of unlike sizes, and its middle height would part
    the words of the larger ones.
    """
    height = min(word.box[3] - word.box[1] for word in (left, right)) * page.height
    return (right.box[0] - left.box[2]) * page.width / max(height, _SPECK)


def same_row(first: Box, other: Box) -> bool:
    """Whether two boxes stand at one height: their middles nearly meet."""
    height = max(first[3] - first[1], other[3] - other[1])
    return abs(middle(other) - middle(first)) < SAME_ROW * height


def middle(box: Box) -> float:
    """The height of a box's middle, in shares of the page."""
    return (box[1] + box[3]) / 2


def straightened(page: Page) -> Callable[[Word], Box]:
    """Gives a word's box as it would stand if the page lay straight.

    Rows fall as the runs of words do, and as runs do that stand side by side once the page lies
    as straight as the runs tell: boxes are whole pixels, only the long way is exact. The fall may
    change from top to bottom (a page photographed from above or below). Words of a text layer keep
    their boxes.
    """
    some = [(run[0].box, run[-1].box) for run in runs(page)]
    tilt = _fitted(_slopes(page, some))
    if tilt is None:
        return lambda word: word.box
    found = _fitted(_slopes(page, some + _beside(page, some, tilt))) or tilt
    return lambda word: _straight(page, word.box, found)


class _Tilt(NamedTuple):
    """Pixels that rows fall by pixel to the right: at the top of the page, and the change to its
    bottom."""

    top: float
    change: float


def _straight(page: Page, box: Box, tilt: _Tilt) -> Box:
    left, top, right, bottom = box
    slope, shape = tilt.top + tilt.change * middle(box), page.width / page.height
    fall, shift = slope * (left + right) / 2 * shape, slope * middle(box) / shape
    return (left + shift, top - fall, right + shift, bottom - fall)


def _beside(page: Page, some: Sequence[_Ends], tilt: _Tilt) -> list[_Ends]:
    """Each run and the next one to its right in its row."""
    order = sorted(some, key=lambda run: run[0][0])
    lying = [(_straight(page, run[-1], tilt), _straight(page, run[0], tilt)) for run in order]
    found = []
    for at, (end, _) in enumerate(lying):
        for other in range(at + 1, len(order)):
            if lying[other][1][0] > end[2] and same_row(end, lying[other][1]):
                found.append((order[at][0], order[other][-1]))
                break
    return found


def _slopes(page: Page, some: Iterable[_Ends]) -> NDArray[np.float64]:
    """Height, slope and width of runs from their first and last boxes, [runs, 3]: heights and
    widths in shares of the page."""
    found = []
    for first, last in some:
        across = (last[0] + last[2] - first[0] - first[2]) / 2
        high, low = first[3] - first[1], last[3] - last[1]
        if across > 0 and abs(high - low) < _SIZE * max(high, low):
            down = (middle(last) - middle(first)) * page.height / page.width
            found.append((middle(first), down / across, across))
    return np.array(found, dtype=np.float64).reshape(-1, 3)


def _fitted(slopes: NDArray[np.float64]) -> _Tilt | None:
    """The middle slope, weighted by width, and its change where there are enough rows to tell.

    None for pages that lie straight.
    """
    if not len(slopes):
        return None
    centre = _middle_slope(slopes)
    alike = slopes[abs(slopes[:, 1] - centre) < _ALIKE]
    tilt = _Tilt(centre, 0.0)
    if alike[:, 2].sum() > _SURE:
        heights, found, weights = alike.T
        line = np.stack([weights, weights * heights], axis=1)
        tilt = _Tilt(*map(float, np.linalg.lstsq(line, weights * found, rcond=None)[0]))
    return tilt if max(abs(tilt.top), abs(tilt.top + tilt.change)) > _STILL else None


def _middle_slope(slopes: NDArray[np.float64]) -> float:
    order = np.argsort(slopes[:, 1])
    reached = np.cumsum(slopes[order, 2])
    return float(slopes[order[np.searchsorted(reached, reached[-1] / 2)], 1])


def _close(left: Word, right: Word, page: Page) -> bool:
    gap = (right.box[0] - left.box[2]) * page.width
    height = max(left.box[3] - left.box[1], right.box[3] - right.box[1]) * page.height
    return -height < gap < COLUMN_GAP * height
