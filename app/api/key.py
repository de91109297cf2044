"""Who may ask: holders of the key, where one is set."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

_bearer = HTTPBearer(auto_error=False, description="The service's key, where one is set.")
_Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def key_holder(key: SecretStr) -> Callable[[_Given], None]:
    """A dependency that answers 401 to who does not send `Authorization: Bearer KEY`."""
    wanted = key.get_secret_value().encode()

    def check(given: _Given) -> None:
        told = "" if given is None else given.credentials
        if not hmac.compare_digest(told.encode(), wanted):
            headers = {"WWW-Authenticate": "Bearer"}
            raise HTTPException(401, "the service's key is wanted as a bearer token", headers)

    return check
