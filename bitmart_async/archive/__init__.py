"""Everything an account can read, in a folder, before it is gone.

:func:`archive_account` reads and goes on after any interruption; :func:`verify_archive` checks a
finished archive against its own raw replies. Needs the extra ``store``. See docs/archive.md.
"""

from bitmart_async.archive.progress import ArchiveProgress
from bitmart_async.archive.raw import Damaged
from bitmart_async.archive.report import ArchiveReport, Gap, TableReport
from bitmart_async.archive.runner import Archive, archive_account
from bitmart_async.archive.verify import Verification, verify_archive

__all__ = [
    "Archive",
    "ArchiveProgress",
    "ArchiveReport",
    "Damaged",
    "Gap",
    "TableReport",
    "Verification",
    "archive_account",
    "verify_archive",
]
