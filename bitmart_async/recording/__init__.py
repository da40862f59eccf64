"""Streams on disk: recorded as they came, replayed through the same decoding, exported to tables."""

from __future__ import annotations

from bitmart_async.archive.raw import Damaged
from bitmart_async.recording.format import Record, RecordedEvent, RecordedFrame
from bitmart_async.recording.reader import Recording, RecordingSummary
from bitmart_async.recording.recorder import Recorder, RecorderStats
from bitmart_async.recording.tables import ExportReport, export_recording

__all__ = [
    "Damaged",
    "ExportReport",
    "Record",
    "RecordedEvent",
    "RecordedFrame",
    "Recorder",
    "RecorderStats",
    "Recording",
    "RecordingSummary",
    "export_recording",
]
