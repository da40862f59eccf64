"""The code tables agree with the collected facts, and their texts keep one form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async import codes
from bitmart_async.codes import (
    ADVICE,
    ALREADY_LOGGED_IN,
    ALREADY_SUBSCRIBED,
    LEGACY_SPOT_STREAM_CODES,
    REST_CODES,
    SPOT_STREAM_CODES,
    UNPROVEN,
    Category,
    fact_of,
    futures_login_verdict,
    futures_stream_category,
    login_verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bitmart_async.codes import CodeFact

FACTS = Path(__file__).parents[2].parent / "shared" / "api" / "errors.json"

TABLES: dict[str, Mapping[int, CodeFact]] = {
    "rest": REST_CODES,
    "spot": SPOT_STREAM_CODES,
    "spot_legacy": LEGACY_SPOT_STREAM_CODES,
}


@pytest.fixture(scope="module")
def facts() -> dict[str, dict[int, dict[str, Any]]]:
    """The catalog's rows by table, then by code."""
    if not FACTS.exists():
        pytest.skip(f"the fact catalog is not beside this checkout ({FACTS})")
    catalog = json.loads(FACTS.read_text(encoding="utf-8"))
    texts: list[dict[str, Any]] = catalog["websocket"]["futures_texts"]
    return {
        "rest": {int(code): row for code, row in catalog["rest"].items() if code != "1000"},
        "spot": {int(code): row for code, row in catalog["websocket"]["spot"].items()},
        "spot_legacy": {int(code): row for code, row in catalog["websocket"]["spot_legacy"].items()},
        "futures_texts": dict(enumerate(texts)),
    }


@pytest.mark.parametrize("table", ["rest", "spot"])
def test_every_catalog_code_has_its_category(facts: dict[str, dict[int, dict[str, Any]]], table: str) -> None:
    """No collected code is missing or sorted elsewhere ("deprecated" is RETIRED here)."""
    expected = {code: row["category"].replace("deprecated", "retired") for code, row in facts[table].items()}
    found = {code: fact.category.value for code, fact in TABLES[table].items()}
    if table == "rest":
        assert found.pop(40059) == "position"  # known from the exchange's skill files only
    assert found == expected


def test_legacy_codes_match_the_catalog(facts: dict[str, dict[int, dict[str, Any]]]) -> None:
    """The old server's two codes stay apart from REST, where 30013 means something else."""
    assert set(LEGACY_SPOT_STREAM_CODES) == set(facts["spot_legacy"])
    assert LEGACY_SPOT_STREAM_CODES[30013].category is Category.AUTH
    assert LEGACY_SPOT_STREAM_CODES[30039].category is Category.BAD_REQUEST
    assert REST_CODES[30013].category is Category.RATE_LIMIT


@pytest.mark.parametrize("table", list(TABLES))
def test_meanings_are_our_own_words(facts: dict[str, dict[int, dict[str, Any]]], table: str) -> None:
    """No meaning of three words or more repeats the catalog."""
    for code, fact in TABLES[table].items():
        row = facts[table].get(code)
        if row is not None and len(fact.meaning.split()) >= 3:
            assert fact.meaning.casefold() != row["meaning"].casefold(), code


@pytest.mark.parametrize("table", list(TABLES))
def test_texts_have_one_form(table: str) -> None:
    """Meanings fit after a colon, rows are sorted, no table can be changed."""
    rows = TABLES[table]
    assert list(rows) == sorted(rows)
    for code, fact in rows.items():
        assert fact.meaning[0].islower(), code
        assert not fact.meaning.endswith("."), code
        assert fact.meaning == fact.meaning.strip(), code
        assert fact.meaning.isascii(), code
    with pytest.raises(TypeError):
        rows[1] = fact  # type: ignore[index]


def test_success_is_no_row() -> None:
    """1000 is not a failure."""
    assert 1000 not in REST_CODES


def test_every_category_has_one_sentence_of_advice() -> None:
    """Each names a side and ends once."""
    assert set(ADVICE) == set(Category)
    for category, sentence in ADVICE.items():
        assert sentence.startswith(("On your side: ", "On BitMart's side: ")), category
        assert sentence.endswith("."), category
        assert ". " not in sentence, category
        assert sentence.isascii(), category
    assert len(set(ADVICE.values())) == len(ADVICE)


def test_every_category_value_is_its_name() -> None:
    """Values are the names in lower case."""
    assert all(category.value == category.name.lower() for category in Category)


def test_a_known_code_outranks_its_http_status() -> None:
    """The table decides, whatever HTTP says."""
    assert fact_of(30018, 503) is REST_CODES[30018]
    assert fact_of(50022, 400).category is Category.SYSTEM
    assert fact_of(42000, None).category is Category.INSUFFICIENT_FUNDS


@pytest.mark.parametrize(
    ("code", "status", "category"),
    [
        (12345, 400, Category.BAD_REQUEST),
        (12345, 401, Category.AUTH),
        (12345, 403, Category.PERMISSION),
        (12345, 404, Category.NOT_FOUND),
        (12345, 405, Category.BAD_REQUEST),
        (12345, 415, Category.BAD_REQUEST),
        (12345, 418, Category.RATE_LIMIT),
        (12345, 429, Category.RATE_LIMIT),
        (12345, 500, Category.SYSTEM),
        (12345, 503, Category.SYSTEM),
        (30999, 500, Category.SYSTEM),  # the status goes before the range
        (30999, 200, Category.AUTH),
        (30999, None, Category.AUTH),
        (30999, 409, Category.AUTH),  # a status that says nothing
        (40999, 200, Category.BAD_REQUEST),
        (55555, 200, Category.BAD_REQUEST),
        (61999, 200, Category.BAD_REQUEST),
        (71999, 200, Category.BAD_REQUEST),
        (12345, 200, Category.BAD_REQUEST),
        (-1, None, Category.BAD_REQUEST),
    ],
)
def test_an_unknown_code_gets_an_honest_guess(code: int, status: int | None, category: Category) -> None:
    """By HTTP status, then by range; the meaning admits that the code is not listed."""
    fact = fact_of(code, status)
    assert fact.category is category
    assert "not in the tables" in fact.meaning
    assert fact.meaning[0].islower()
    assert not fact.meaning.endswith(".")


@pytest.mark.parametrize(
    ("code", "area"),
    [
        (30999, "key and access"),
        (40999, "futures"),
        (50999, "spot"),
        (59999, "spot"),
        (60999, "account"),
        (61999, "account"),
        (70999, "market data"),
        (71999, "market data"),
        (72000, "nor in a known range"),
    ],
)
def test_an_unknown_code_names_its_range(code: int, area: str) -> None:
    """With HTTP 200 the number itself is all there is to go by."""
    assert area in fact_of(code, 200).meaning


def test_codes_that_prove_nothing() -> None:
    """The written list: a change of category must not move a code in or out unseen."""
    assert set(UNPROVEN) == {
        25601,
        30014,
        30016,
        40012,
        50022,
        59002,
        59003,
        59004,
        59006,
        59007,
        59011,
        60051,
        60052,
        70003,
    }


def test_codes_of_unknown_outcome_are_unproven(facts: dict[str, dict[int, dict[str, Any]]]) -> None:
    """All that the catalog marks so."""
    marked = {code for code, row in facts["rest"].items() if row.get("retry") == "unknown outcome"}
    assert marked
    assert marked <= UNPROVEN


def test_a_half_done_order_says_so() -> None:
    """59009 leaves a debt behind."""
    assert "loan stands" in REST_CODES[59009].meaning
    assert 59009 not in UNPROVEN


@pytest.mark.parametrize("code", [91022, 91023])
def test_clock_faults_of_a_login(code: int) -> None:
    """The time is to be synced, then the login tried again."""
    assert login_verdict(code) == "clock"


@pytest.mark.parametrize("code", [90007, 94001, 94002, 95000])
def test_login_faults_that_pass(code: int) -> None:
    """Waiting helps."""
    assert login_verdict(code) == "passing"


def test_all_other_login_faults_are_final() -> None:
    """Retrying a wrong key only earns a ban, so the unknown is final too."""
    rest = set(SPOT_STREAM_CODES) - {90007, 91022, 91023, 94001, 94002, 95000}
    assert {login_verdict(code) for code in rest | {91999, 30013, 0}} == {"final"}


def test_harmless_codes_say_so() -> None:
    """Both are done already."""
    for code in (ALREADY_LOGGED_IN, ALREADY_SUBSCRIBED):
        assert SPOT_STREAM_CODES[code].category is Category.DUPLICATE
        assert "harmless" in SPOT_STREAM_CODES[code].meaning


def test_every_recorded_futures_text_has_its_category(facts: dict[str, dict[int, dict[str, Any]]]) -> None:
    """The catalog's texts, with their placeholders filled."""
    for row in facts["futures_texts"].values():
        text = row["error"].replace("<topic>", "futures/ticker:BTCUSDT").replace("<masked>", "880d5edecs****")
        assert futures_stream_category(text).value == row["category"], text


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("futures/order need authenication", Category.AUTH),
        ("futures/order need authentication", Category.AUTH),
        ("ACCESS FAILED: openapi auth", Category.AUTH),
        ("authentication is temporarily unavailable", Category.SYSTEM),
        ("group [futures/ticker:XYZ] not exist", Category.SYMBOL),
        ("Invalid message: message must be JSON: need authenication", Category.BAD_REQUEST),
        ("Invalid action [access failed] for group [temporarily unavailable]", Category.BAD_REQUEST),
        ("something new", Category.BAD_REQUEST),
        ("", Category.BAD_REQUEST),
    ],
)
def test_futures_texts_are_sorted(text: str, category: Category) -> None:
    """Case does not matter, quoted words do not mislead, new texts are bad requests."""
    assert futures_stream_category(text) is category


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("authentication is temporarily unavailable", "passing"),
        ("access failed: Timestamp out of range", "clock"),
        ("access failed: invalid time", "clock"),
        ("access failed: req_time too old", "clock"),
        ("access failed: openapi auth: apiKey 880d5edecs**** failed: openapi auth failed", "final"),
        ("access failed: refused three times", "final"),
        ("", "final"),
    ],
)
def test_futures_login_texts_are_judged(text: str, verdict: str) -> None:
    """A passing fault and a clock fault are told from a wrong key."""
    assert futures_login_verdict(text) == verdict


def test_the_public_names_exist() -> None:
    """What `__all__` lists can be imported."""
    assert all(hasattr(codes, name) for name in codes.__all__)
