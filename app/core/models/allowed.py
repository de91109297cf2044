"""Models may be bound to one folder: a path that leads out of it loads nothing."""

from __future__ import annotations

from pathlib import Path

from erniekit_finetuning.engines.locating import locate
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes.models import ASSETS, SHIPPED

_FIELD = "ernie_vl.allowed_folder"


def check_allowed(model: str, folder: Path) -> None:
    """Raise UnusableInput unless the model, and the base that an adapter names, lie in `folder`.

    Links are followed first. Models that come with the package are always allowed; one by its name
    on a hub is not, as nothing tells what will be there.
    """
    inside = folder.resolve()
    if Path(model).exists():
        _check(Path(model), inside)
    elif model not in SHIPPED:
        what, cure = "models by name are not allowed", f"give a folder below {inside}"
        raise UnusableInput(Problem(what, field=_FIELD, found=model, cure=cure))
    if not Path(model).is_file():  # a file names a model behind an API
        source = locate(model)
        _check(source.base, inside)


def _check(path: Path, inside: Path) -> None:
    place = path.resolve()
    if not (place.is_relative_to(inside) or place.is_relative_to(ASSETS)):
        what, cure = "the model lies outside the allowed folder", "copy it there, its base included"
        expected = f"a path below {inside}"
        raise UnusableInput(Problem(what, None, None, _FIELD, str(place), expected, cure))
