"""Three secrets or none, and never shown."""

from __future__ import annotations

import copy
import itertools
import json
import pickle

import pytest

from bitmart_async.credentials import Credentials, settle
from bitmart_async.errors import ConfigurationError, CredentialsMissing
from bitmart_async.rest.clients import FuturesClientV2, RestClient
from tests.conftest import CANARIES, KEYS

ENV = {
    "BITMART_API_KEY": KEYS["api_key"],
    "BITMART_API_SECRET": KEYS["api_secret"],
    "BITMART_API_MEMO": KEYS["api_memo"],
}


@pytest.mark.parametrize("client", [RestClient, FuturesClientV2])
@pytest.mark.parametrize("names", [names for size in (1, 2) for names in itertools.combinations(KEYS, size)])
def test_a_part_of_the_keys_is_refused(client: type[RestClient], names: tuple[str, ...]) -> None:
    """One or two of the three are refused at once; the text names what is missing, not what was given."""
    with pytest.raises(CredentialsMissing) as caught:
        client(**{name: KEYS[name] for name in names})  # type: ignore[arg-type]
    assert all(name in str(caught.value) for name in KEYS if name not in names)
    assert not any(canary in str(caught.value) for canary in CANARIES)
    assert isinstance(caught.value, ConfigurationError | ValueError)


def test_both_forms_at_once_are_refused() -> None:
    """credentials= and loose keys together leave open which counts."""
    with pytest.raises(CredentialsMissing, match="not both"):
        settle(Credentials(**KEYS), KEYS["api_key"], None, None)


def test_either_form_or_none_is_taken() -> None:
    """The loose keys, the object, and nothing at all."""
    whole = Credentials(**KEYS)
    assert settle(None, **KEYS) == whole == settle(whole, None, None, None)
    assert settle(None, None, None, None) is None


def test_keys_are_read_from_json() -> None:
    """What `bitmart sandbox --json` prints holds the keys; whatever else stands there is not looked at."""
    told = json.dumps({**KEYS, "environment": {}})
    assert Credentials.from_json(told) == Credentials.from_json(told.encode()) == Credentials(**KEYS)


@pytest.mark.parametrize("name", list(KEYS))
def test_Z3_json_without_a_key_is_told_without_the_others(name: str) -> None:
    """The error names what is missing and shows nothing of what is there; nor does one about broken JSON."""
    rest = {other: value for other, value in KEYS.items() if other != name}
    for told in (rest, {**rest, name: 5}, {**rest, name: ""}):
        with pytest.raises(CredentialsMissing, match=name) as caught:
            Credentials.from_json(json.dumps(told))
        assert not any(canary in str(caught.value) for canary in CANARIES)
    with pytest.raises(ValueError, match="no JSON") as broken:
        Credentials.from_json(json.dumps(KEYS)[:-1])
    assert not any(canary in repr(broken.value) for canary in CANARIES)
    assert broken.value.__cause__ is None


@pytest.mark.parametrize("name", list(KEYS))
@pytest.mark.parametrize("value", ["", "  ", None, 5, " x", "x\n", "x\ty", "x\x00"])
def test_blanks_and_other_types_are_refused(name: str, value: object) -> None:
    """Empty values and copying accidents are named by field, and the value is not repeated."""
    with pytest.raises(CredentialsMissing, match=name):
        Credentials(**{**KEYS, name: value})  # type: ignore[arg-type]


def test_a_key_that_cannot_be_a_header_is_refused() -> None:
    """The key goes into a header: other letters than ASCII are a copying accident."""
    with pytest.raises(CredentialsMissing, match="api_key"):
        Credentials("schlüssel", "s", "m")


def test_from_env_reads_the_three_variables() -> None:
    """Blanks around a value, as shells leave them, are removed."""
    assert Credentials.from_env({**ENV, "BITMART_API_MEMO": f" {KEYS['api_memo']}\n"}) == Credentials(**KEYS)


def test_from_env_reads_the_process_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument it is os.environ."""
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    assert Credentials.from_env() == Credentials(**KEYS)


def test_from_env_names_every_missing_variable() -> None:
    """All missing variables in one error."""
    with pytest.raises(CredentialsMissing) as caught:
        Credentials.from_env({"BITMART_API_MEMO": KEYS["api_memo"], "BITMART_API_KEY": " "})
    assert "BITMART_API_KEY" in str(caught.value)
    assert "BITMART_API_SECRET" in str(caught.value)
    assert "BITMART_API_MEMO" not in str(caught.value)


def test_repr_and_str_hide_all_three() -> None:
    """Nothing of the secrets is in any text of the object, nor in a client's."""
    texts = [
        repr(Credentials(**KEYS)),
        str(Credentials(**KEYS)),
        f"{Credentials(**KEYS)!s}",
        repr(RestClient(**KEYS)),
        repr(FuturesClientV2(**KEYS)),
    ]
    assert not [text for text in texts if any(canary in text for canary in CANARIES)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_is_refused(protocol: int) -> None:
    """By every protocol and by copy: a pickle would be a file with a secret."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Credentials(**KEYS), protocol)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy(Credentials(**KEYS))


def test_equality_is_by_value() -> None:
    """Equal when all three are, and only then."""
    assert Credentials("a", "b", "c") == Credentials("a", "b", "c")
    assert Credentials("a", "b", "c") != Credentials("a", "b", "d")
