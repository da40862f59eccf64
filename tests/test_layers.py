"""A file imports only from lines above it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "bitmart_async"

LAYERS = """
_version
text told
codes
errors
environments
credentials
signing
clock
numbers
models.base
models.enums
decoding
models.system models.spot models.futures models.streams_spot models.streams_futures
models.account models.margin models.subaccount models.earn models.broker models.spot_legacy
models.futures_plan models.futures_wallet models.futures_affiliate
models
trading
ratelimit
rest.params
rest.windows
rest.endpoint
rest.envelope
rest.batch
rest.call
rest.pending
rest.wire
rest.transport
rest.history
rest.pages rest.iterate
rest.section
rest.system rest.spot_market rest.spot_account
rest.spot_trading
rest.spot_algo rest.spot_legacy rest.margin rest.funding rest.subaccount rest.earn rest.broker
rest.futures_market
rest.futures_account rest.futures_trading
rest.futures_transfer rest.futures_subaccount rest.futures_affiliate rest.futures_records
rest.futures_plan
rest.futures_tpsl rest.futures_trailing rest.dead_mans_switch
rest.proof
rest.resolve
rest.clients rest
websocket.topics
topics
websocket.events websocket.channels websocket.health websocket.sleep websocket.state
websocket.advice websocket.home
book
websocket.dialects
websocket.heartbeat websocket.allowance
websocket.session websocket.refused
websocket.frames
websocket.handover
websocket.mailbox websocket.feeds websocket.transport websocket.pacing websocket.waiting
websocket.marks websocket.staleness websocket.hooks websocket.link websocket.splitter
websocket.routes
websocket.refusals
websocket.over_websockets websocket.over_picows
websocket.sockets
websocket.handlers websocket.subscription
websocket.consumers
websocket.order_books
websocket.standing
websocket.login websocket.intake
websocket.opening websocket.outcomes
websocket.keeper
websocket.rotation
websocket.connection
websocket.options websocket.access websocket.pool
websocket.listeners websocket.members
websocket.live_books
websocket.client websocket
archive.raw archive.journal archive.lock archive.columns archive.plan archive.unknown
archive.units archive.parquet archive.progress
archive.replay
archive.tables
archive.report
archive.verify archive.runner
archive
recording.format recording.disk
recording.decode
recording.reader recording.recorder
recording.tables
recording
account.views
account.changes
account.rows account.snapshot account.orders account.holdings
account.comparison
account.core
account.cursor account.sources account.waiting account.feed
account.consumers account.looks
account.desk
account.handle
account.tracker account
__init__
sandbox
pytest_plugin
cli
__main__
""".split("\n")

_PLACE = {name: row for row, names in enumerate(LAYERS) for name in names.split()}
_ALONE = ("sandbox", "cli")  # layers inside these packages are their own affair


def _layer(module: str) -> str:
    return next((name for name in _ALONE if module == name or module.startswith(name + ".")), module)


def _modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
        if parts[-1] == "__init__" and len(parts) > 1:
            parts.pop()
        found.append((".".join(parts), path))
    return found


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    inside = {
        name.removeprefix("bitmart_async").lstrip(".") or "__init__"
        for name in names
        if name.split(".")[0] == "bitmart_async"
    }
    known = {name for name, _ in _modules()}
    return {_layer(name) for name in inside if name in known}


_FOR_TYPES_ONLY = {"errors": {"websocket.subscription"}}
"""An error that carries a subscription names its type; nothing is imported at run time."""


@pytest.mark.parametrize(
    ("module", "path"), _modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imports_go_up(module: str, path: Path) -> None:
    """Every module stands in the list and imports only from rows above its own."""
    layer = _layer(module)
    assert layer in _PLACE, f"{module}: add it to the list of layers"
    above = {name for name in _imports(path) if name != layer} - _FOR_TYPES_ONLY.get(layer, set())
    packages = {"rest", "models", "websocket", "archive", "recording", "__init__"}
    wrong = {name for name in above - packages if _PLACE[name] >= _PLACE[layer]}
    if layer == "__init__":
        wrong = set()  # names are looked up there, lazily
    assert not wrong, f"{module} imports {', '.join(sorted(wrong))}, which stand no higher than itself"


def test_the_sandbox_stands_alone() -> None:
    """The sandbox imports nothing of the clients but the environments: one bug must not hide in both."""
    for module, path in _modules():
        if module.startswith("sandbox"):
            strangers = _imports(path) - {"sandbox", "environments"}
            assert not strangers, f"{module} imports {strangers}"
