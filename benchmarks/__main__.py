"""Everything: ``python -m benchmarks`` (under five minutes), ``--quick`` (under one, exit code 1 when it got worse)."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import stream


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    worse = stream.run(quick=quick)
    for other in ("rest", *(() if quick else ("imports",))):
        print(flush=True)
        options = ["--quick"] if quick else []
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{other}", *options], check=False)
        if done.returncode:
            worse.append(f"benchmarks.{other} ended with {done.returncode}")
    for line in worse:
        print(f"worse than it was: {line}")
    if quick and not worse:
        print("\nNothing is worse than its limit.")
    sys.exit(1 if worse and quick else 0)


if __name__ == "__main__":
    main()
