"""Signatures are those of the exchange, over the very bytes sent."""

from __future__ import annotations

import hashlib
import hmac
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitmart_async.credentials import Credentials
from bitmart_async.signing import Signer, hmac_sha256

# The worked examples of the exchange's public documents.
KEY = "80618e45710812162b04892c7ee5ead4a3cc3e56"
SECRET = "6c6c98544461bbe71db2bca4c6d7fd0021e0ba9efc215f9c6ad41852df9d9df9"
MEMO = "test001"
BODY = b'{"symbol":"BTC_USDT","price":"8600","count":"100"}'


def test_the_documented_rest_example() -> None:
    """The REST example of the docs gives the signature of the docs."""
    signer = Signer(Credentials(KEY, SECRET, MEMO))
    assert signer.rest("1589793796145", BODY) == (
        "c31dc326bf87f38bfb49a3f8494961abfa291bd549d0d98d9578e87516cee46d"
    )


def test_the_documented_stream_example() -> None:
    """The stream login example of the docs gives the signature of the docs."""
    signer = Signer(Credentials(KEY, SECRET, MEMO))
    assert signer.stream("1589267764859") == (
        "3ceeb7e1b8cb165a975e28a2e2dfaca4d30b358873c0351c1a071d8c83314556"
    )


def test_an_empty_body_is_signed_as_empty() -> None:
    """GET signs ``timestamp#memo#`` and nothing after it."""
    signer = Signer(Credentials("k", "geheim", "mémo"))
    expected = hmac.new(b"geheim", "17#mémo#".encode(), hashlib.sha256).hexdigest()
    assert signer.rest("17", b"") == expected


_PRINTED = st.text(st.characters(categories=("L", "M", "N", "P", "S")), min_size=1)


@given(_PRINTED, st.lists(st.binary(), min_size=1))
def test_every_body_is_signed_as_if_it_were_the_first(secret: str, bodies: list[bytes]) -> None:
    """One signer signs any number of bodies; none leaves a trace in the next signature."""
    signer = Signer(Credentials("k", secret, "m"))
    for body in bodies:
        assert signer.rest("17", body) == hmac_sha256(b"17#m#" + body, secret)


def test_the_users_own_hmac_replaces_ours() -> None:
    """``sign`` is handed the whole line as bytes and the secret; its text is the signature."""
    heard: list[tuple[bytes, str]] = []

    def sign(message: bytes, secret: str) -> str:
        heard.append((message, secret))
        return "f00d"

    signer = Signer(Credentials("k", "s3", "m"), sign)
    assert signer.rest("5", b"{}") == signer.stream("6") == "f00d"
    assert heard == [(b"5#m#{}", "s3"), (b"6#m#bitmart.WebSocket", "s3")]


def test_hmac_is_lower_case_hex() -> None:
    """The plain function agrees with hashlib."""
    assert hmac_sha256(b"abc", "x") == hmac.new(b"x", b"abc", hashlib.sha256).hexdigest()


def test_a_signer_shows_and_pickles_nothing() -> None:
    """repr hides all three, pickling is refused."""
    signer = Signer(Credentials("visiblekey", "visiblesecret", "visiblememo"))
    assert "visible" not in repr(signer)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)


def test_one_mask_for_every_text_of_a_server() -> None:
    """Secrets go, also percent-encoded and inside of words, the longer one first; so do signatures."""
    signer = Signer(Credentials("thekey99", "s/ecret+1", "memo"))
    text = f"xthekey99x s/ecret+1 s%2Fecret%2B1 memo {'ab' * 32} rest"
    assert signer.mask(text) == "x***x *** *** *** *** rest"
    assert Signer(Credentials("keykey", "keykeysecret", "m")).mask("keykeysecret m") == "*** m"
