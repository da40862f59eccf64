"""A method's docstring says what the endpoint's constant and the models say: quota, retry safety, units."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bitmart_async
from bitmart_async.ratelimit import Quota, Scope
from bitmart_async.rest.endpoint import Auth, Effect
from tests.contract.test_methods import each_method, endpoint_of, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitmart_async.rest.section import Section

_BY = {Scope.IP: "IP", Scope.KEY: "key", Scope.UID: "account"}
_UNIT = re.compile(
    r"\bms\b|\bmilliseconds\b|\bseconds\b|\b\d+ s\b|\bminutes\b|\bhours\b|\bdays\b", re.IGNORECASE
)
_LOST = {Effect.ORDER: "OrderFateUnknown", Effect.CHANGE: "OutcomeUnknown"}


def text_of(kind: type[Section], name: str) -> str:
    """The docstring as one line."""
    return " ".join((inspect.getdoc(getattr(kind, name)) or "").split())


def limit_in_words(quota: Quota | None) -> str:
    """As every docstring writes it."""
    if quota is None:
        return "Quota unknown: the client's default applies."
    calls = "call" if quota.requests == 1 else "calls"
    return f"{quota.requests} {calls} per {quota.per:g} s per {_BY[quota.scope]}"


@each_method
def test_a_docstring_tells_the_quota_that_is_kept(kind: type[Section], name: str) -> None:
    """Behind the source, in the words of the constant, and no other figure beside it."""
    said = text_of(kind, name).partition("Source: ")[2]
    assert limit_in_words(endpoint_of(kind, name).quota) in said
    assert len(re.findall(r"\d+ calls? per ", said)) <= 1


@each_method
def test_a_docstring_tells_whether_a_lost_answer_means_a_second_call(kind: type[Section], name: str) -> None:
    """A read says that it is repeated; a change that it never is, and which error a lost answer raises."""
    said, effect = text_of(kind, name), endpoint_of(kind, name).effect
    never = re.search(r"never repeated|sent at most once", said, re.IGNORECASE)
    if effect is Effect.READ:
        assert "A read: repeated when its answer is lost." in said
        assert never is None
    else:
        assert never is not None
        assert "A read" not in said
        assert f"{_LOST[effect]}: " in said


@each_method
def test_a_docstring_tells_the_errors(kind: type[Section], name: str) -> None:
    """Either the ones to catch here, or what any read of its kind raises."""
    said, endpoint = text_of(kind, name), endpoint_of(kind, name)
    if "Raises:" in said:
        named = re.findall(
            r"^    (\w+): ", (inspect.getdoc(getattr(kind, name)) or "").partition("Raises:")[2], re.M
        )
        assert named
    else:
        assert endpoint.effect is Effect.READ
        assert "Raises ApiError when refused, " in said
        assert ("CredentialsMissing without keys" in said) == (endpoint.auth is not Auth.NONE)
        named = re.findall(r"(\w+) when|(\w+) without", said.partition("Raises ")[2])
        named = [one or other for one, other in named]
    for error in named:
        assert issubclass(
            getattr(bitmart_async, error, None) or getattr(bitmart_async.errors, error), Exception
        )


@each_method
def test_a_time_in_a_signature_has_its_unit(kind: type[Section], name: str) -> None:
    """Seconds or milliseconds, in the sentence of each parameter that is a time."""
    said = inspect.getdoc(getattr(kind, name)) or ""
    for parameter, found in parameters(kind, name).items():
        if is_time(parameter) and "int" in str(found.annotation):
            sentence = re.search(rf"^    {parameter}: (.*(?:\n        .*)*)", said, re.M)
            assert sentence is not None
            assert _UNIT.search(sentence[1]), f"{parameter}: {sentence[1]}"


def is_time(name: str) -> bool:
    """Whether a name is that of an instant or a span."""
    words = name.rstrip("_").split("_")
    return bool({"time", "timestamp", "window", "timeout", "date", "ts"} & set(words)) or words[-1] == "at"


def time_fields() -> Iterator[tuple[str, str]]:
    """Each whole-number field of a model that is a time, with the text under it."""
    for file in sorted((Path(bitmart_async.__file__).parent / "models").glob("*.py")):
        for model in ast.walk(ast.parse(file.read_text())):
            if not isinstance(model, ast.ClassDef):
                continue
            for field, after in zip(model.body, [*model.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    kind = ast.unparse(field.annotation)
                    whole = re.search(r"\b(int|Ms|Seconds|Whole)\b", kind)
                    if re.search(r"\b(Ms|Seconds)\b", kind) or (whole and is_time(field.target.id)):
                        value = after.value if isinstance(after, ast.Expr) else None
                        told = value.value if isinstance(value, ast.Constant) else ""
                        yield f"{file.stem}.{model.name}.{field.target.id}", f"{kind}: {told}"


_FIELDS = dict(time_fields())


@pytest.mark.parametrize("field", _FIELDS)
def test_a_time_in_a_model_has_its_unit(field: str) -> None:
    """In the text under the field, and the same one as its type says."""
    kind, _, told = _FIELDS[field].partition(": ")
    assert _UNIT.search(told), f"{field}: {told!r}"
    if re.search(r"\bMs\b", kind):
        assert re.search(r"\bms\b|milliseconds", told), told
    if re.search(r"\bSeconds\b", kind):
        assert re.search(r"\bseconds\b|\b s\b", told, re.IGNORECASE), told


def test_the_models_have_times() -> None:
    """The list above is not empty by mistake."""
    assert len(_FIELDS) > 60
