"""Import time of the package, against the libraries it stands on, measured in the same run.

Each figure is a fresh interpreter's wall-clock time around the import alone, so what the interpreter itself
needs to start is not in it. The network libraries come with the first call or connect, so they have a row
of their own. Rounds are shuffled; the figures are medians, the differences medians of the rounds'
differences. One round before the first fills the caches of the disk.

``python -m benchmarks.imports`` prints the table and ends with 1 when a bound is passed.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import subprocess
import sys
from importlib.metadata import version

CLIENTS = "bitmart_async.RestClient, bitmart_async.FuturesClientV2, bitmart_async.WebsocketClient"
CASES = {
    "msgspec alone": "import msgspec",
    "aiohttp alone": "import aiohttp",
    "aiohttp and websockets alone": "import aiohttp, websockets.asyncio.client",
    "bitmart_async": "import bitmart_async",
    "with every client": f"import bitmart_async; {CLIENTS}",
    "and the network libraries": f"import bitmart_async; {CLIENTS}; import aiohttp, websockets.asyncio.client",
}
BOUNDS = (
    ("bitmart_async", "msgspec alone", 60.0),
    ("with every client", "aiohttp alone", 150.0),
    ("and the network libraries", "aiohttp and websockets alone", 150.0),
)
"""What may be how many ms slower than what."""


def took(code: str) -> float:
    """Milliseconds of ``code`` in an interpreter of its own."""
    timed = f"import time; began = time.perf_counter(); {code}; print((time.perf_counter() - began) * 1e3)"
    return float(subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True).stdout)


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds by case."""
    found: dict[str, list[float]] = {case: [] for case in CASES}
    for number in range(-1, rounds):
        for case in random.sample(list(CASES), len(CASES)):
            milliseconds = took(CASES[case])
            if number >= 0:
                found[case].append(milliseconds)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    found = measure(parser.parse_args().rounds)
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "msgspec", "websockets"))
    print(f"Import time; Python {platform.python_version()}, {packages}")
    for case, figures in found.items():
        print(f"{case:29}{statistics.median(figures):8.0f} ms")
    late = 0
    for case, base, most in BOUNDS:
        more = statistics.median(a - b for a, b in zip(found[case], found[base], strict=True))
        late += more > most
        print(f"{case} - {base}: {more:+.0f} ms, at most {most:+.0f}{'' if more <= most else ': TOO SLOW'}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
