"""What MkDocs needs beside its plugins."""

from __future__ import annotations

import re

_ROLE = re.compile(r":(?:attr|class|exc|func|meth|mod):(?=<)")


def on_page_content(html: str, **_: object) -> str:
    """Docstrings name things with Sphinx roles, which editors understand; on the pages the name is enough."""
    return _ROLE.sub("", html)
