"""``bitmart call``: any method, its help, its refusals, its confirmation."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING

import pytest

from bitmart_async import FuturesClientV2, ParameterError, RestClient
from bitmart_async.cli.call import methods, parameters
from bitmart_async.rest import ENDPOINTS
from bitmart_async.sandbox import Sandbox
from tests.cli.running import bitmart, where

if TYPE_CHECKING:
    from pathlib import Path


def test_every_endpoint_can_be_called_by_its_method() -> None:
    """The table of methods has every endpoint of the catalog, and each name is a method of its client."""
    found = methods()
    missing = set(ENDPOINTS) - {method.endpoint.id for method in found.values()}
    assert missing <= {"futures.get_system_time", "futures.get_system_status"}, missing
    for method in found.values():
        function = getattr(FuturesClientV2 if method.futures else RestClient, method.name)
        named = set(inspect.signature(function).parameters) - {"self"}
        known = {param.name for param in method.endpoint.params}
        assert known <= named | {"currency", "amount"}, method.name
        assert method.about.endswith((".", ":"))


@pytest.mark.parametrize(
    ("name", "pairs", "given"),
    [
        ("get_spot_account_trades_v4", ["limit=3", "symbol=BTC_USDT"], {"limit": 3, "symbol": "BTC_USDT"}),
        ("get_account_balances_v1", ["need-usd-valuation=true"], {"need_usd_valuation": True}),
        ("submit_spot_order_v2", ["symbol=A_B", "side=buy", "type=limit", "size=0.10", "price=1"],
         {"symbol": "A_B", "side": "buy", "type": "limit", "size": "0.10", "price": "1"}),
        ("close_all_futures_positions", ["contract_type=1"], {"contract_type": 1}),
        ("cancel_spot_batch_orders_v4", ["symbol=A_B", "order_ids=1,2"],
         {"symbol": "A_B", "order_ids": ["1", "2"]}),
    ],
)  # fmt: skip
def test_texts_become_what_the_endpoint_takes(name: str, pairs: list[str], given: dict[str, object]) -> None:
    """Whole numbers, flags, lists and numbered choices are read; amounts stay the exact text."""
    assert parameters(methods()[name].endpoint, pairs) == given


@pytest.mark.parametrize(
    "pairs", [["limit=x"], ["limit"], ["wrong=1"], ["limit=1", "limit=2"], ["limit=999"]]
)
def test_what_does_not_fit_is_refused(pairs: list[str]) -> None:
    """No guess is sent: each mistake is a ParameterError."""
    with pytest.raises(ParameterError):
        parameters(methods()["get_spot_account_trades_v4"].endpoint, pairs)


async def test_a_call_from_the_shell(tmp_path: Path) -> None:
    """A read is shown and, with --json, printed as it came; a change asks first and needs --yes where nobody
    can answer; what the exchange refuses ends with code 1 and its words."""
    async with Sandbox(lively=False) as sandbox:
        place = where(tmp_path, sandbox)
        shown = await bitmart("call", "get_spot_wallet_balance_v1", *place)
        assert shown.code == 0, shown
        assert "USDT" in shown.out
        raw = await bitmart("call", "get_spot_ticker_v3", "symbol=BTC_USDT", "--json", *place)
        assert json.loads(raw.out)["data"]["symbol"] == "BTC_USDT"
        order = ["symbol=BTC_USDT", "side=buy", "type=limit", "size=0.01", "price=50000"]
        held = await bitmart("call", "submit_spot_order_v2", *order, *place)
        assert held.code == 2
        assert "--yes" in held.err
        assert not sandbox.account().open_orders
        sent = await bitmart("call", "submit_spot_order_v2", *order, "--yes", *place)
        assert sent.code == 0, sent
        assert len(sandbox.account().open_orders) == 1
        refused = await bitmart("call", "cancel_spot_order_v3", "symbol=BTC_USDT", "order_id=1", "-y", *place)
        assert refused.code == 1
        assert "50005" in refused.err
        assert "Traceback" not in refused.err
        for secret in sandbox.keys.values():
            assert str(secret) not in shown.out + held.err + refused.err


async def test_help_where_it_is_wanted() -> None:
    """Without a method, with a misspelled one and with --params the command teaches."""
    nothing = await bitmart("call")
    assert nothing.code == 2
    assert "key=value" in nothing.out
    near = await bitmart("call", "get_spot_tiker")
    assert near.code == 2
    assert "get_spot_ticker_v3" in near.err
    help_ = await bitmart("call", "submit_spot_order_v2", "--params")
    assert help_.code == 0
    for word in ("symbol*", "decimal", "limit_maker", "40 calls per 2 s"):
        assert word in help_.out
    wrong = await bitmart("call", "get_spot_ticker_v3", "symbol=BTCUSDT", "--sandbox")
    assert wrong.code == 2
    assert "underscore" in wrong.err
    keyless = await bitmart("call", "get_spot_wallet_balance_v1")
    assert keyless.code == 2
    assert "BITMART_API_KEY" in keyless.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_names_are_completed(shell: str) -> None:
    """The completion script of each shell knows the commands and every method."""
    script = await bitmart("completion", shell)
    assert script.code == 0, script
    for word in ("archive", "doctor", "exit-plan", "get_spot_ticker_v3", "submit_futures_order"):
        assert word in script.out


async def test_two_places_at_once_are_refused(tmp_path: Path) -> None:
    """A command works in one place; a file that tells of none is refused in one line."""
    both = await bitmart("call", "get_system_time", "--sandbox", "--demo")
    assert both.code == 2
    assert "not both" in both.err
    wrong = tmp_path / "x.json"
    wrong.write_text("{}")
    other = await bitmart("call", "get_system_time", "--environment", str(wrong))
    assert other.code == 2
    assert "lacks name, spot_rest" in other.err
    assert "bitmart sandbox --json" in other.err
