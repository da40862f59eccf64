"""Install the pinned peers outside the project: ``python -m tests.fidelity.install [--required]``.

Python peers go into a virtual environment of their own, the npm one into a folder, both under
``BITMART_PEERS`` or ``~/.cache/bitmart-async-peers``. What is there already in the right version stays. With
``--required`` a Python peer that cannot be installed is an error; npm's may always be missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import venv

from benchmarks.peers import NPM_PEERS, PYTHON_PEERS, folder, node_folder, npm_missing, python, python_missing

_LONGEST = 420
"""Seconds one installer may take."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--required", action="store_true", help="fail when a Python peer is missing in the end"
    )
    required = parser.parse_args().required
    _install_python()
    _install_npm()
    missing = [reason for package in PYTHON_PEERS if (reason := python_missing(package))]
    for package, version in {**PYTHON_PEERS, **NPM_PEERS}.items():
        reason = python_missing(package) if package in PYTHON_PEERS else npm_missing(package)
        print(f"{package} {version}: {'missing: ' + reason if reason else 'ready in ' + str(folder())}")
    return 1 if required and missing else 0


def _install_python() -> None:
    wanted = [f"{package}=={version}" for package, version in PYTHON_PEERS.items() if python_missing(package)]
    if not wanted:
        return
    if not python().exists():
        venv.create(folder() / "venv", with_pip=True)
    _run([str(python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])


def _install_npm() -> None:
    npm = shutil.which("npm")
    wanted = [f"{package}@{version}" for package, version in NPM_PEERS.items() if npm_missing(package)]
    if npm is None or not wanted:
        return
    node_folder().mkdir(parents=True, exist_ok=True)
    (node_folder() / "package.json").write_text('{"private": true}\n')
    _run(
        [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            str(node_folder()),
            *wanted,
        ]
    )


def _run(command: list[str]) -> None:
    """Run an installer; what it could not do shows in what is missing afterwards."""
    try:
        done = subprocess.run(command, timeout=_LONGEST, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
    else:
        if done.returncode:
            print(f"{command[0]} ended with {done.returncode}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
