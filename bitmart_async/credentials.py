"""The three secrets of an account, and where they may come from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from bitmart_async.errors import CredentialsMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Credentials"]

_VARIABLES = {
    "api_key": "BITMART_API_KEY",
    "api_secret": "BITMART_API_SECRET",
    "api_memo": "BITMART_API_MEMO",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """API key, secret and memo, as the exchange shows them when a key is made.

    None of the three ever appears in ``repr``, a log or an error. Two values compare equal when
    all three do. Pickling is refused: a pickle is a file with a secret in it.

    Raises:
        CredentialsMissing: One of the three is empty or not text.
    """

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    api_memo: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in _VARIABLES:
            value: object = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise CredentialsMissing(
                    f"{name} is empty. BitMart needs all three of api_key, api_secret and api_memo "
                    f"(the memo is the name you gave the key); pass them together or not at all."
                )
            if value != value.strip() or not value.isprintable():
                raise CredentialsMissing(
                    f"{name} has blanks or line breaks around it, probably from copying; remove them."
                )
        if not self.api_key.isascii():
            raise CredentialsMissing("api_key has characters that no BitMart key has; copy it again.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Credentials:
        """Read BITMART_API_KEY, BITMART_API_SECRET and BITMART_API_MEMO.

        Raises:
            CredentialsMissing: A variable is not set or empty; the text names it.
        """
        source = os.environ if environ is None else environ
        missing = [variable for variable in _VARIABLES.values() if not source.get(variable, "").strip()]
        if missing:
            raise CredentialsMissing(
                f"Set {', '.join(missing)} in the environment: "
                f"all three variables are needed for private calls."
            )
        return cls(**{name: source[variable].strip() for name, variable in _VARIABLES.items()})

    @classmethod
    def from_json(cls, text: str | bytes) -> Credentials:
        """The keys of a sandbox that runs already: ``api_key``, ``api_secret`` and ``api_memo`` of what
        ``bitmart sandbox --json`` printed. ``Environment.from_json`` reads where it is.

        Raises:
            ValueError: It is no JSON object.
            CredentialsMissing: One of the three is missing, empty or not text; the text names it.
        """
        from bitmart_async.told import read_told

        told = read_told(text)
        if missing := [name for name in _VARIABLES if name not in told]:
            raise CredentialsMissing(
                f"{', '.join(missing)} missing: `bitmart sandbox --json` prints all three."
            )
        return cls(**{name: told[name] for name in _VARIABLES})  # type: ignore[arg-type]  # looked at when made

    def __repr__(self) -> str:
        return "Credentials(api_key=***, api_secret=***, api_memo=***)"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError(
            "Credentials are not pickled: a pickle would hold the secret in plain text. "
            "Pass the environment variables to the other process instead."
        )


def key_print(api_key: str, purpose: bytes) -> str:
    """Tells one API key from another, in what is kept for one purpose, and gives none away."""
    return blake2b(api_key.encode(), digest_size=8, person=purpose).hexdigest()


def settle(
    credentials: Credentials | None, api_key: str | None, api_secret: str | None, api_memo: str | None
) -> Credentials | None:
    """The one meaning of the four options: three values, one object, or none at all.

    Raises:
        CredentialsMissing: Only some of the three are given, or both forms at once.
    """
    loose = {"api_key": api_key, "api_secret": api_secret, "api_memo": api_memo}
    given = [name for name, value in loose.items() if value is not None]
    if credentials is not None:
        if given:
            raise CredentialsMissing(
                "Give either credentials= or api_key=, api_secret=, api_memo=, not both."
            )
        return credentials
    if not given:
        return None
    if len(given) < len(loose):
        absent = ", ".join(name for name, value in loose.items() if value is None)
        raise CredentialsMissing(
            f"{absent} missing: give all three of api_key, api_secret and api_memo, "
            f"or none for public data only."
        )
    return Credentials(str(api_key), str(api_secret), str(api_memo))
