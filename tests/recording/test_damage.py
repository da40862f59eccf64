"""Recordings that were hurt: what can be read is, and nothing is missing without a word."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from bitmart_async import Recording, export_recording
from bitmart_async.archive.raw import Damaged, frames, next_frame
from bitmart_async.recording import RecordedEvent, RecordedFrame, tables
from bitmart_async.recording.disk import DiskWriter
from bitmart_async.recording.format import FORMAT, Head, event_line, frame_line, head_line
from tests.scripted_ws import ticker

if TYPE_CHECKING:
    from pathlib import Path

    from bitmart_async import ExportReport, RecordingSummary

TOPIC = "spot/ticker:BTC_USDT"
PER_FILE, FILES = 12, 4


def _head(run: str, part: int) -> bytes:
    head = Head(
        format=FORMAT, run=run, part=part, t=part, m=part, environment="live", topics=(TOPIC,), library="0"
    )
    return head_line(head)


def _ticker() -> bytes:
    return ticker().encode()


def record_a_run(folder: Path, *, run: str = "a", ended: bool = True, since_ns: int = 0) -> None:
    """A run of some files with some frames each, a nanosecond apart, every frame a piece of its own on the disk."""
    writer = DiskWriter(
        folder, head=lambda part: _head(run, part), line=frame_line, most_waiting=1 << 20, rotate_bytes=1 << 30,
        rotate_seconds=3600, slow=lambda _: b"",
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    writer._next_file()
    number = 0
    for part in range(FILES):
        if part:
            writer._next_file()
        else:
            event = RecordedEvent(name="begin", at_ns=since_ns, monotonic_ns=0, topics=(TOPIC,))
            writer._put_down(writer._compress(event_line(event)))
        for _ in range(PER_FILE):
            number += 1
            line = frame_line("spot_public", 1, _ticker(), since_ns + number, number)
            writer._put_down(writer._compress(line))
    if ended:
        end = RecordedEvent(name="end", at_ns=since_ns + number, monotonic_ns=number, frames=number)
        writer._put_down(writer._compress(event_line(end)))
    assert writer._file is not None
    writer._file.close()


def _numbers(folder: Path) -> list[int]:
    return [one.received_ns for one in Recording(folder, salvage=True) if isinstance(one, RecordedFrame)]


def _told(folder: Path, name: str) -> bool:
    """Whether reading without salvage raises with the file's name, or says what is missing."""
    try:
        return any(isinstance(one, RecordedEvent) and one.name == "missing" for one in Recording(folder))
    except Damaged as damage:
        return name in str(damage)


def _summary(folder: Path) -> RecordingSummary:
    return Recording(folder, salvage=True).summary()


@pytest.mark.parametrize("seed", range(8))
def test_any_changed_byte_is_told_and_costs_little(tmp_path: Path, seed: int) -> None:
    """Wherever a byte is changed: reading it stops with an error or says what is missing, and a salvage gives all but
    the piece it hit, in order; unless nothing is lost at all."""
    record_a_run(tmp_path)
    rng = random.Random(seed)
    files = sorted(tmp_path.glob("*.zst"))
    for _ in range(12):
        file = rng.choice(files)
        good = file.read_bytes()
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= rng.randrange(1, 256)
        file.write_bytes(bad)
        try:
            numbers, found = _numbers(tmp_path), _summary(tmp_path)
            assert numbers == sorted(numbers)
            assert len(numbers) >= PER_FILE * FILES - 2
            assert found.missing in (0, PER_FILE * FILES - len(numbers))
            if len(numbers) < PER_FILE * FILES or found.events.get("end") is None:
                assert found.damaged
                assert _told(tmp_path, file.name)
        finally:
            file.write_bytes(good)
    assert not _summary(tmp_path).damaged


def test_a_cut_off_or_lost_file_in_the_middle_is_told(tmp_path: Path) -> None:
    """A recorder that went on left no half piece behind: half a file, an empty one or none is a loss that is told,
    with the number of frames where the run has an end."""
    record_a_run(tmp_path)
    file = sorted(tmp_path.glob("*.zst"))[1]
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Damaged, match="half a record, and the run went on"):
        list(Recording(tmp_path))
    cut = _summary(tmp_path)
    assert 0 < cut.missing < PER_FILE
    assert len(cut.damaged) == 2
    for content in (b"", None):
        file.write_bytes(b"") if content == b"" else file.unlink()
        gone = Recording(tmp_path).summary()
        assert gone.missing == PER_FILE
        assert gone.damaged[0] == "file 2 of this run: not there"
        assert [one.name for one in Recording(tmp_path) if isinstance(one, RecordedEvent)].count(
            "missing"
        ) == 2
    alone = Recording(sorted(tmp_path.glob("*.zst"))[2])
    assert not alone.summary().damaged, "one file was asked for"


def test_what_a_kill_leaves_is_no_damage(tmp_path: Path) -> None:
    """Half a piece at the end of a run, and the next run behind it: nothing but a run without an end."""
    record_a_run(tmp_path, ended=False)
    last = sorted(tmp_path.glob("*.zst"))[-1]
    last.write_bytes(last.read_bytes()[:-7])
    record_a_run(tmp_path, run="b")
    found = Recording(tmp_path).summary()
    assert (found.runs, found.unfinished, found.damaged, found.missing) == (2, 1, (), 0)
    assert found.frames == 2 * PER_FILE * FILES - 1


def test_a_file_without_its_beginning_is_salvaged(tmp_path: Path) -> None:
    """A damaged first piece costs the head alone: its frames are read, its topics known, also in the first file."""
    record_a_run(tmp_path)
    for number in (0, 2):
        file = sorted(tmp_path.glob("*.zst"))[number]
        content = bytearray(file.read_bytes())
        content[6] ^= 0xFF
        file.write_bytes(content)
    with pytest.raises(Damaged):
        Recording(tmp_path)
    recording = Recording(tmp_path, salvage=True)
    assert TOPIC in recording.topics
    assert len(list(recording.updates())) == PER_FILE * FILES


def test_tables_of_a_hurt_recording(tmp_path: Path) -> None:
    """An export refuses damage and leaves what was there; salvaged, the report and the table of events name it."""
    record_a_run(tmp_path / "rec")
    out = tmp_path / "out"
    export_recording(tmp_path / "rec", out)
    before = (out / "spot_ticker.parquet").read_bytes()
    file = sorted((tmp_path / "rec").glob("*.zst"))[1]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(Damaged):
        export_recording(tmp_path / "rec", out, csv=True)
    assert (out / "spot_ticker.parquet").read_bytes() == before
    assert not list(out.glob("*.part"))
    report = export_recording(tmp_path / "rec", out, csv=True, salvage=True)
    assert report.rows["spot_ticker"] == PER_FILE * FILES - 1
    assert len(report.damaged) == 2
    assert (out / "events.csv").read_text().count("damaged") == 1


def test_tables_while_it_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a recorder adds between the two readings of an export is left for the next one, whatever table it is of."""
    record_a_run(tmp_path / "rec", ended=False)
    between = tables._open_parquet

    def more(report: ExportReport, made: dict[str, tables._Table]) -> None:
        record_a_run(tmp_path / "rec", run="b")
        between(report, made)

    monkeypatch.setattr(tables, "_open_parquet", more)
    report = export_recording(tmp_path / "rec", tmp_path / "out")
    assert report.rows["spot_ticker"] == PER_FILE * FILES
    assert pq.read_table(tmp_path / "out" / "spot_ticker.parquet").num_rows == PER_FILE * FILES  # type: ignore[no-untyped-call]


def test_a_disk_that_is_full_is_told_with_the_file(tmp_path: Path) -> None:
    """The error names the file, what is kept is counted, and a file deleted under the recorder is an error too."""
    writer = DiskWriter(
        tmp_path, head=lambda part: _head("a", part), line=frame_line, most_waiting=1 << 20, rotate_bytes=1 << 30,
        rotate_seconds=3600, slow=lambda _: b"",
    )  # fmt: skip
    writer.start()
    assert writer.put("spot_public", 1, _ticker(), 1, 1)
    (file,) = tmp_path.glob("*.zst")
    file.unlink()
    deadline = time.monotonic() + 10
    while writer.error is None and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.close()
    assert isinstance(writer.error, FileNotFoundError)
    assert file.name in str(writer.error)
    assert writer.kept == 0


def test_a_frame_that_is_being_written_is_no_damage(tmp_path: Path) -> None:
    """A reader beside a recorder sees half a piece at the end; that the rest comes a moment later makes it no lie."""
    record_a_run(tmp_path)
    file = sorted(tmp_path.glob("*.zst"))[0]
    content = file.read_bytes()
    with file.open("rb") as opened:
        ends = [offset + length for offset, length, _ in frames(opened)]
        assert next_frame(opened, ends[-3] + 1) == ends[-2]
        assert next_frame(opened, ends[-3] + 1, end=ends[-1] - 1) is None
    assert ends[-1] == len(content)
