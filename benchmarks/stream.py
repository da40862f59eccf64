"""What one frame costs the client, and how late it arrives; see benchmarks/README.md and docs/performance.md."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import peers
from benchmarks.frames import MIXES
from benchmarks.stream_client import spelled
from benchmarks.stream_server import BURST, FOR_PEERS, scripts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from benchmarks.frames import Script

FLOOR, TYPED = "floor", "typed floor"
_BY_HAND = "picows, typed decode by hand"
_OURS = ("transport", "handler", "book", "iterator", "raw", "ten handlers")
_TOPICS = ("one topic", "hundred topics")
_HAS = {name: importlib.util.find_spec(name) is not None for name in ("picows", "uvloop")}


def contenders(*, quick: bool) -> list[str]:
    """Who takes part; the extra ``fast`` where it is installed."""
    kinds = [FLOOR, TYPED, *_OURS, *_TOPICS]
    if _HAS["picows"] and not quick:
        kinds += [_BY_HAND, "transport (picows)", "handler (picows)"]
    if _HAS["uvloop"] and not quick:
        kinds += ["handler (uvloop)"]
        if _HAS["picows"]:
            kinds += ["handler (picows, uvloop)"]
    return kinds


PRO, SDK, NPM = "ccxt.pro", "official SDK", "npm bitmart-api"
_PACKAGES = {PRO: "ccxt", SDK: "bitmart-python-sdk-api", NPM: "bitmart-api"}
_PEER_VERSIONS = {**peers.PYTHON_PEERS, **peers.NPM_PEERS}
_SCRIPTS = ("spot peers", "spot peers, no trades", "futures peers")
_PEER_ROUNDS = 7
_DELAY_ROUNDS = 7


def peer_missing(kind: str) -> str:
    """Why another client cannot take part, "" when it can."""
    package = _PACKAGES[kind]
    return peers.npm_missing(package) if kind == NPM else peers.python_missing(package)


def script_of(kind: str, market: str) -> str:
    """What a peer reads. ccxt 4.5.70 ends a socket at the first spot trade, so it is sent none."""
    return f"{market} peers" + (", no trades" if (kind, market) == (PRO, "spot") else "")


def command_of(kind: str, port: str) -> list[str]:
    """How a contender is started."""
    here = Path(__file__).resolve().parent
    if kind == NPM:
        return ["node", str(here / "stream_peer.mjs"), str(peers.node_folder()), port, spelled(kind)]
    if kind in _PACKAGES:
        return [str(peers.python()), "-I", str(here / "stream_peer.py"), kind, port, spelled(kind)]
    return module("benchmarks.stream_client", kind, port)


def module(name: str, *arguments: str) -> list[str]:
    """A module of this project in this interpreter."""
    return [sys.executable, "-m", name, *arguments]


AIMS = {"handler": 0.60, "book": 0.90, "iterator": 0.70, "raw": 0.25, "handler (picows)": 0.55,
        "handler (picows, uvloop)": 0.55}  # fmt: skip
"""What the project aims at: CPU per frame as a part of the plain loop's, in both mixes."""
GUARD = {
    "handler": 0.78,
    "book": 1.25,
    "iterator": 0.90,
    "raw": 0.42,
    "ten handlers": 0.95,
    "transport": 0.16,
}
"""What ``--quick`` fails at, in either mix: what was measured at rest, and a margin for a busy machine."""
GUARD_TOPICS = 1.25
"""The same for a hundred topics against one."""


class Process:
    """A child that takes JSON lines and answers with such."""

    def __init__(self, command: Sequence[str]) -> None:
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._child.args} ended with {self._child.wait()}")
        return line.strip()

    def say(self, **command: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps(command) + "\n")
        self._child.stdin.flush()

    def end(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(3)
        except subprocess.TimeoutExpired:
            self._child.terminate()
            self._child.wait()


class Arena:
    """The server and the contenders, each in a process of its own."""

    def __init__(self, kinds: Sequence[str], count: int) -> None:
        self.scripts = scripts(count)
        self._server = Process(module("benchmarks.stream_server", str(count)))
        port = self._server.line()
        self._clients: dict[str, Process] = {}
        try:
            for kind in kinds:
                self._clients[kind] = client = Process(command_of(kind, port))
                assert client.line() == "up"
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        for client in self._clients.values():
            client.end()
        self._server.end()

    def _order(self, kind: str, what: str, content: Script) -> None:
        client = self._clients[kind]
        client.say(do=what, market=content.market, frames=len(content.frames), elements=content.elements)
        assert client.line() == "ready"

    def _flood(self, kind: str, name: str) -> dict[str, Any]:
        """Have a script written to it as fast as it takes it; what it measured."""
        script = self.scripts[name]
        self._order(kind, "count", script)
        self._server.say(do="flood", who=f"{spelled(kind)}_{script.market}", script=name)
        self._server.line()
        measured: dict[str, Any] = json.loads(self._clients[kind].line())
        return measured

    def cost(self, kind: str, name: str) -> float:
        """CPU microseconds per frame."""
        return float(self._flood(kind, name)["cpu"]) / len(self.scripts[name].frames) * 1e6

    def peer_cost(self, kind: str, name: str) -> tuple[float, float]:
        """CPU microseconds per frame, and the part of the updates that was handed over."""
        script, measured = self.scripts[name], self._flood(kind, name)
        handed = measured.get("handed", script.elements)
        return float(measured["cpu"]) / len(script.frames) * 1e6, handed / script.elements

    def delays(self, kinds: Sequence[str], name: str, burst: int, gap: float) -> dict[str, list[float]]:
        """Microseconds from the server's write to the handler, frame by frame, of all in one run."""
        script, names = (
            self.scripts[name],
            {kind: f"{spelled(kind)}_{self.scripts[name].market}" for kind in kinds},
        )
        for kind in kinds:
            self._order(kind, "clock", script)
        self._server.say(do="pace", who=list(names.values()), script=name, burst=burst, gap=gap)
        written, found = json.loads(self._server.line()), {}
        for kind in kinds:
            stamps = json.loads(self._clients[kind].line())["stamps"]
            found[kind] = [(got - sent) / 1e3 for sent, got in zip(written[names[kind]], stamps, strict=True)]
        return found

    def memory(self, kind: str) -> int:
        """Resident bytes."""
        client = self._clients[kind]
        client.say(do="memory")
        return int(client.line())


@dataclass
class Costs:
    """CPU microseconds per frame, by script and contender, round by round."""

    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def run(self, arena: Arena, groups: dict[str, Sequence[str]], rounds: int) -> None:
        """The first round only warms up; in each the order is drawn anew."""
        for number in range(-1, rounds):
            for script in random.sample(list(groups), len(groups)):
                kinds = random.sample(list(groups[script]), len(groups[script]))
                found = {kind: arena.cost(kind, script) for kind in kinds}
                if number >= 0:
                    self.rounds.setdefault(script, []).append(found)

    def ratio(self, script: str, kind: str, floor: str = FLOOR) -> tuple[float, float, float]:
        """Quartiles of the ratios of the rounds."""
        low, middle, high = statistics.quantiles(
            [found[kind] / found[floor] for found in self.rounds[script]], n=4
        )
        return low, middle, high

    def median(self, script: str, kind: str) -> float:
        """Microseconds per frame."""
        return statistics.median(found[kind] for found in self.rounds[script])


def show_costs(costs: Costs, kinds: Sequence[str]) -> None:
    print(
        "\nCPU of the client per frame; ratio to the plain loop (websockets recv + msgspec to dict), quartiles"
    )
    print(
        f"{'':26}"
        + "".join(f"{market:>8}: us  frames/s  ratio {'':12}" for market in ("spot", "futures"))
        + " aim   limit of --quick"
    )
    for kind in kinds:
        line = f"{kind:26}"
        for market in ("spot", "futures"):
            if kind not in costs.rounds[market][0]:
                line += f"{'-':>12}{'-':>10}{'-':>7}{'':12}"
                continue
            low, middle, high = costs.ratio(market, kind)
            spent = costs.median(market, kind)
            line += f"{spent:12.2f}{1e6 / spent:10.0f}{middle:7.2f} ({low:.2f}-{high:.2f})"
        aim, limit = (f"{table[kind]:.2f}" if kind in table else "" for table in (AIMS, GUARD))
        print(f"{line}  {aim:6}{limit}".rstrip())


def show_peers(arena: Arena, kinds: Sequence[str], rounds: int) -> None:
    """Other clients, each against the plain loop on the same frames of the same round."""
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for number in range(-1, rounds):
        for name in random.sample(_SCRIPTS, len(_SCRIPTS)):
            market = arena.scripts[name].market
            those = [kind for kind in kinds if script_of(kind, market) == name]
            costs = {
                kind: arena.peer_cost(kind, name) for kind in random.sample([FLOOR, *those], len(those) + 1)
            }
            for kind in those if number >= 0 else ():
                spent, handed = costs[kind]
                found.setdefault((kind, market), []).append((spent, spent / costs[FLOOR][0], handed))
    print(f"\nOther clients, {FOR_PEERS} frames at once: CPU per frame, its ratio to the plain loop in the same rounds,"
          "\nquartiles, and the part of the updates that is handed over")  # fmt: skip
    print(f"{'':26}" + "".join(f"{market:>8}: us  ratio {'':16}updates" for market in ("spot", "futures")))
    for kind in kinds:
        line = f"{kind:26}"
        for market in ("spot", "futures"):
            spent, ratios, handed = zip(*found[kind, market], strict=True)
            low, middle, high = statistics.quantiles(ratios, n=4)
            quartiles = f"({low:.2f}-{high:.2f})"
            line += f"{statistics.median(spent):12.1f}{middle:7.2f} {quartiles:14}{statistics.median(handed):9.1%}"
        print(line)
    if PRO in kinds:
        print("ccxt.pro's spot frames are without trades: its socket ends at the first one")


def show_delays(arena: Arena, kinds: Sequence[str], markets: Sequence[str], rounds: int) -> None:
    """All contenders are written to in turn, frame by frame: a ratio compares what met the same machine."""
    print("\nMicroseconds from the server's write to the handler; ratio to websockets recv + typed decode in")
    print("the same round: medians and quartiles. Quiet: the least p99 of a round")
    for market in markets:
        for what, burst, gap in (("lone", 1, 0.001), ("bursts", BURST, 0.005)):
            found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
            for number in range(-1, rounds):
                for kind, delays in arena.delays(kinds, f"{market} {what}", burst, gap).items():
                    if number >= 0:
                        cuts = statistics.quantiles(delays, n=100)
                        found[kind].append((cuts[49], cuts[98]))
            title = f"{market}, " + ("lone frames" if burst == 1 else f"bursts of {burst}")
            print(f"{title:26}{'p50':>8}{'ratio p50':>12}{'p99':>17}{'ratio p99':>12}{'quiet p99':>17}")
            quiet = {kind: min(far for _, far in cuts) for kind, cuts in found.items()}
            for kind in kinds:
                line = f"  {kind:24}"
                for place in (0, 1):
                    pairs = zip(found[kind], found[TYPED], strict=True)
                    ratios = [ours[place] / floor[place] for ours, floor in pairs]
                    low, middle, high = statistics.quantiles(ratios, n=4)
                    spent = statistics.median(cuts[place] for cuts in found[kind])
                    line += f"{spent:8.0f}{middle:7.2f} {f'({low:.2f}-{high:.2f})':14}"
                print(f"{line}{quiet[kind]:8.0f}")


def show_memory() -> None:
    """A process with 1,000 topics and 100 books of 100 levels a side."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stream_memory"], stdout=subprocess.PIPE, text=True, check=True
    )
    print(f"\n{done.stdout.strip()}")


def heading(rounds: int) -> None:
    names = []
    for name in ("websockets", "msgspec", "picows", "uvloop"):
        try:
            names.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            names.append(f"{name} not installed")
    print(f"Streams; {datetime.datetime.now(datetime.UTC):%Y-%m-%d}, Python {platform.python_version()}, "
          f"{', '.join(names)}; {rounds} rounds")  # fmt: skip


def run(*, quick: bool) -> list[str]:
    """Measure and print.

    Returns:
        What is worse than :data:`GUARD`.
    """
    began, rounds, frames = time.monotonic(), 7 if quick else 15, 6000 if quick else 12000
    kinds = contenders(quick=quick)
    mixed = [kind for kind in kinds if kind not in _TOPICS]
    heading(rounds)
    others: list[str] = []
    for kind, package in {} if quick else _PACKAGES.items():
        reason = peer_missing(kind)
        print(f"without {kind}: {reason}" if reason else f"{kind}: {package} {_PEER_VERSIONS[package]}")
        others += [] if reason else [kind]
    costs = Costs()
    with Arena([*kinds, *others], frames) as arena:
        bookless = [kind for kind in mixed if kind != "book"]  # the futures mix has no depth by changes
        groups: dict[str, Sequence[str]] = {"spot": mixed, "futures": bookless}
        costs.run(arena, groups, rounds)
        show_costs(costs, mixed)
        topics = [
            arena.cost("hundred topics", "spot hundred") / arena.cost("one topic", "spot one")
            for _ in range(rounds + 1)
        ][1:]
        hundred = statistics.median(topics)
        print(f"\n100 subscribed topics against 1, CPU per frame: {hundred:.2f} (aim 0.90-1.10)")
        ten = [costs.ratio(market, "ten handlers", "handler")[1] for market in ("spot", "futures")]
        print(f"10 handlers on each topic against 1: {ten[0]:.2f} spot, {ten[1]:.2f} futures (decoded once)")
        if others:
            show_peers(arena, others, _PEER_ROUNDS)
        if not quick:
            show_delays(arena, delayed(mixed), ["spot"], _DELAY_ROUNDS)
    if not quick:
        show_memory()
    print(f"\n{time.monotonic() - began:.0f} s")
    worse = [
        f"{kind}, {market}: {costs.ratio(market, kind)[1]:.2f} of the plain loop, more than {limit:.2f}"
        for kind, limit in GUARD.items()
        for market in groups
        if kind in groups[market] and costs.ratio(market, kind)[1] > limit
    ]
    if hundred > GUARD_TOPICS:
        worse.append(f"a hundred topics cost {hundred:.2f} times one, more than {GUARD_TOPICS:.2f}")
    return worse


def delayed(kinds: Sequence[str]) -> list[str]:
    """Whose latency is of interest."""
    return [kind for kind in kinds if kind in (TYPED, FLOOR) or kind.startswith("handler")]


def latency() -> None:
    """The latency alone, of both markets."""
    kinds = delayed(contenders(quick=False))
    heading(_DELAY_ROUNDS)
    with Arena(kinds, 10) as arena:
        show_delays(arena, kinds, list(MIXES), _DELAY_ROUNDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="CPU only, under a minute; exit code 1 when it got worse"
    )
    parser.add_argument("--latency", action="store_true", help="the latency alone, of both markets")
    given = parser.parse_args()
    if given.latency:
        latency()
        return
    worse = run(quick=given.quick)
    for line in worse:
        print(f"worse than it was: {line}")
    sys.exit(1 if worse and given.quick else 0)


if __name__ == "__main__":
    main()
