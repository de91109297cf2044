"""What answers of a model behind an API cost."""

from __future__ import annotations

from decimal import Decimal

from erniekit_finetuning.engines.api.settings import ApiModel

_MILLION = 6  # decimal places


def cost(model: ApiModel, prompt_tokens: int, new_tokens: int) -> Decimal | None:
    """The cost in the model's currency, to the last digit; None where the file says no prices.

    >>> model = ApiModel(base_url="https://a.example/v1", model="m", currency="CNY",
    ...                  price_in=Decimal("0.8"), price_out=Decimal("3.2"))
    >>> cost(model, 1500, 200)
    Decimal('0.0018400')
    """
    if model.price_in is None or model.price_out is None:
        return None
    total = prompt_tokens * model.price_in + new_tokens * model.price_out
    return total.scaleb(-_MILLION)
