"""`ernie-invoice improve` and `rollback`: the model that is served learns from its reviewers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.console import messages
from erniekit_finetuning.shipped import shipped

RECIPE = Path("configs/ernie-4.5-tiny/invoice.yaml")


def improve(
    recipe: Annotated[Path, typer.Option(help="How the candidate is trained.")] = RECIPE,
    held_back: Annotated[
        float, typer.Option(min=0.05, max=0.8, help="Share of documents that is measured on.")
    ] = 0.3,
    whole_vendors: Annotated[
        bool, typer.Option("--whole-vendors", help="Hold back all documents of a vendor, or none.")
    ] = False,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe.")
    ] = None,
) -> None:
    """Train on the reviewers' corrections; promote the model if it is shown to be better.

    Exit 1, with the reason, when it is not: what is served then stays. A killed run goes on with
    the same command.
    """
    from app.config.settings import load_settings
    from app.core.learning.following import follows
    from app.core.learning.improving import Refused, Wish
    from app.core.learning.improving import improve as learn

    settings = load_settings()
    wish = Wish(shipped(recipe), tuple(overrides or ()), held_back, whole_vendors)
    try:
        model = learn(settings, wish)
    except Refused as reason:
        messages.print(f"not promoted: {reason}")
        raise typer.Exit(1) from reason
    if not follows(settings):
        messages.print("serve does not follow: the settings name a model (kept.follow_promoted)")
    print(model)


def rollback() -> None:
    """Switch back to the model that was promoted before this one, or to the settings' own."""
    from app.config.settings import load_settings
    from app.core.learning.promotion import roll_back

    kept = load_settings().kept
    switch = roll_back(kept.models)
    messages.print(f"{switch.before} is not promoted any more")
    print("the settings' own model" if switch.after is None else kept.models / switch.after)
