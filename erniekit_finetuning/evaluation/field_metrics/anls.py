"""ANLS*, the field's measure of how alike two JSON values are, by its authors' own library."""

from __future__ import annotations

from typing import Any

from anls_star import anls_score

from erniekit_finetuning.evaluation.field_metrics.plain_json import plain

# At its top level alone the library takes a list of texts for alternative answers to a question.
# Under a key the same value scores as it does elsewhere, and a list is a list.
_KEY = "value"


def anls_star(truth: Any, found: Any) -> float:
    """Average normalised Levenshtein similarity of all leaves (Peer et al. 2024), 0 to 1.

    Leaves are compared as text, case and white space aside; below half alike they count 0. Items
    of lists are paired so that they are most alike.

    None, as a leaf, says that there is no value: it equals None, "", [] and {} of the prediction
    and a key that the prediction lacks. The other way round is not so: a key that only the
    prediction has costs its length even where its value is None. Text and numbers are compared by
    what they print; an object, a list and a leaf are never alike.

    >>> anls_star({"total": "10.00", "date": None}, {"total": "10.08"})  # (1 - 1/5 + 1) / 2
    0.9
    """
    score: float = anls_score(
        {_KEY: plain(truth)}, {_KEY: plain(found)}, return_gt=False, return_key_scores=False
    )
    return score
