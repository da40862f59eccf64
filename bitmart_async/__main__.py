"""``python -m bitmart_async`` is the command ``bitmart``."""

from __future__ import annotations

import sys

from bitmart_async.cli import main

sys.exit(main())
