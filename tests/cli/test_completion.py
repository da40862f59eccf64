"""``bitmart completion``: what it prints works in a real shell, and it writes nothing anywhere."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.cli.running import bitmart

if TYPE_CHECKING:
    from pathlib import Path

_ASK = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
"$(complete -p bitmart | sed 's/.*-F \\([^ ]*\\) .*/\\1/')"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
async def test_bash_completes_commands_options_values_and_methods(tmp_path: Path) -> None:
    """In bash: commands, options of a command, values of an option, methods of call; the home folder stays empty."""
    home, script = tmp_path / "home", tmp_path / "bitmart.bash"
    home.mkdir()
    printed = await bitmart("completion", "bash", HOME=str(home))
    assert (printed.code, printed.err) == (0, "")
    assert not list(home.iterdir())
    script.write_text(printed.out)

    async def offered(*words: str) -> set[str]:
        shell = await asyncio.create_subprocess_exec(
            "bash", "--norc", "-c", _ASK, "bash", str(script), "bitmart", *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await shell.communicate()
        assert (shell.returncode, err) == (0, b"")
        return set(out.decode().split())

    assert {"archive", "record", "doctor"} <= await offered("")
    assert await offered("arch") == {"archive"}
    assert {"--out", "--since", "--sandbox"} <= await offered("archive", "--")
    assert await offered("archive", "--symbols", "") == {"all", "touched"}
    assert await offered("call", "get_spot_wallet") == {"get_spot_wallet_balance_v1"}
