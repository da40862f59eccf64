"""Every recorded or documented frame goes through the real client, and no value of it is lost.

The collected samples are used where they are at hand; the project's own frames, of the same shapes, always.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bitmart_async.websocket.dialects import (
    FUTURES,
    SPOT,
    Ack,
    LoggedIn,
    LoginFailed,
    Pong,
    Refusal,
    data_key,
    heartbeat,
)
from tests.kept import SHARED, assert_kept, needs_shared
from tests.scripted_ws import Message, Session, serving, until

if TYPE_CHECKING:
    from bitmart_async.websocket.events import Event, Update

_OWN = Path(__file__).parents[1] / "data" / "frames"
_COLLECTED = SHARED / "ws-samples"
_END = {
    "spot": '{"data":[{"end":1}],"table":"spot/end"}',
    "futures": '{"data":{"end":1},"group":"futures/end:X"}',
}
"""A frame sent last: when it has arrived, so has everything before it."""


def _samples() -> list[tuple[str, dict[str, Any]]]:
    folders = [("own", _OWN)] + ([("collected", _COLLECTED)] if _COLLECTED.is_dir() else [])
    return [
        (f"{name}-{path.stem}", json.loads(path.read_text()))
        for name, folder in folders
        for path in sorted(folder.glob("*.json"))
    ]


def _key(body: Any) -> str:
    return str(body.get("table") or body.get("group")) if isinstance(body, dict) and "data" in body else ""


def _data_frames() -> list[Any]:
    """(sample topic, frame as text, frame as it is sent), by name."""
    found = []
    for name, sample in _samples():
        if sample.get("kind") == "control":
            continue
        binary = [bytes.fromhex(text) for text in sample.get("binary_hex", ())]
        for number, text in enumerate(sample["frames"]):
            if _key(json.loads(text)):
                wire = binary[number] if binary else text
                found.append(pytest.param(sample["topic"], text, wire, id=f"{name}-{number}"))
    return found


def _relabelled() -> list[Any]:
    """Data frames under the topics the samples call ``same_shape``."""
    found = []
    for name, sample in _samples():
        for shape in sample.get("same_shape", ()):
            for number, text in enumerate(sample["frames"]):
                body = json.loads(text)
                key = _key(body)
                if not key:
                    continue
                data = body["data"]
                symbol = (data[0] if isinstance(data, list) else data)["symbol"]
                topic = shape.replace("{symbol}", symbol).replace("[@speed]", "@200ms")
                field = "table" if "table" in body else "group"
                body[field] = topic.partition(":")[0] if field == "table" else topic
                found.append(
                    pytest.param(
                        topic, json.dumps(body, separators=(",", ":")), id=f"{name}-{number}-{topic}"
                    )
                )
    return found


def _topics(sample_topic: str, text: str) -> list[str]:
    """The topics to subscribe so that every element of a frame is wanted."""
    body = json.loads(text)
    key, data = _key(body), body["data"]
    if "group" in body:
        return [sample_topic if sample_topic.partition("@")[0] == key.partition("@")[0] else key]
    if sample_topic.partition(":")[2] in ("ALL_SYMBOLS", "BALANCE_UPDATE") or not data:
        return [sample_topic]
    return list(dict.fromkeys(f"{key.partition(':')[0]}:{element['symbol']}" for element in data))


def _elements(text: str) -> list[Any]:
    """The elements of a frame as the client is to hand them out."""
    data = json.loads(text)["data"]
    if isinstance(data, dict) and "items" in data:
        return [{"symbol": data["symbol"], **item} for item in data["items"]]
    return (data if isinstance(data, list) else [data]) if data != "" else []


async def _through_the_client(topics: list[str], wire: str | bytes) -> tuple[list[Update[Any]], list[Event]]:
    """Subscribe on a real socket, let the server send one frame, and give back what came out."""
    market = topics[0].partition("/")[0]
    end = "spot/end:X" if market == "spot" else "futures/end:X"
    private = (
        {"is_private": True}
        if any(word in topics[0] for word in ("/user/", "/asset", "/position", "/order"))
        else {}
    )
    updates: list[Update[Any]] = []
    errors: list[Event] = []
    async with serving() as (server, ws):
        ws.on("exception")(errors.append)
        await ws.subscribe([*topics, end], handler=updates.append, **private)
        await server.last().send(wire, _END[market])
        await until(lambda: updates and updates[-1].topic == end)
    return updates[:-1], errors


def test_there_are_samples_of_every_channel() -> None:
    """The parametrised tests below have something to do."""
    own = {name for name, _ in _samples() if name.startswith("own-")}
    assert len(own) >= 30
    assert len(_data_frames()) >= 35
    assert len(_relabelled()) >= 8


@needs_shared
def test_the_collected_samples_are_there_and_none_is_of_an_unknown_channel() -> None:
    """What was collected is what the project's own frames cover."""
    names = {name.partition("-")[2] for name, _ in _samples() if name.startswith("collected-")}
    own = {name.partition("-")[2] for name, _ in _samples() if name.startswith("own-")}
    assert len(names) >= 31
    assert names - own <= {"spot-subscribe", "futures-subscribe"}  # acknowledgements stand in every own file


@pytest.mark.parametrize(("topic", "text", "wire"), _data_frames())
async def test_a_data_frame_comes_out_whole(topic: str, text: str, wire: str | bytes) -> None:
    """Its topic, its elements in order, every value of each, and the frame itself."""
    topics = _topics(topic, text)
    updates, errors = await _through_the_client(topics, wire)
    assert errors == []
    elements = _elements(text)
    assert len(updates) == len(elements)
    for element, update in zip(elements, updates, strict=True):
        assert update.topic in topics
        assert_kept(element, update.data)
        assert update.raw == text.encode()
        if "symbol" in element:
            assert update.symbol == element["symbol"]


@pytest.mark.parametrize(("topic", "text"), _relabelled())
async def test_a_frame_of_the_same_shape_comes_out_whole(topic: str, text: str) -> None:
    """The other levels of a channel read like the sampled one."""
    updates, errors = await _through_the_client([topic], text)
    assert errors == []
    assert [update.topic for update in updates] == [topic] * len(_elements(text))
    for element, update in zip(_elements(text), updates, strict=True):
        assert_kept(element, update.data)


def _control_frames() -> list[Any]:
    found = []
    for name, sample in _samples():
        if sample.get("kind") == "binary":
            continue
        for number, text in enumerate(sample["frames"]):
            if text == "pong" or not _key(json.loads(text)) or "heartbeat" in name:
                found.append(
                    pytest.param(name.partition("-")[2], sample["market"], text, id=f"{name}-{number}")
                )
    return found


@pytest.mark.parametrize(("name", "market", "text"), _control_frames())
def test_a_control_frame_is_recognised(name: str, market: str, text: str) -> None:
    """Acknowledgements, refusals, logins and heartbeats are what they are, and never data."""
    frame, dialect = text.encode(), SPOT if market == "spot" else FUTURES
    if text == "pong":
        assert heartbeat(frame)
        return
    assert data_key(frame, dialect.heads) in (None, b"System")
    body, control = json.loads(text), dialect.control(frame)
    if name.endswith("heartbeat"):
        assert control == Pong()
    elif name.endswith("login") or body.get("event") == "login" or body.get("action") == "access":
        good = body.get("success", "errorCode" not in body)
        assert isinstance(control, LoggedIn if good else LoginFailed)
    elif body.get("event") == "error":
        assert isinstance(control, LoginFailed)  # an older server's "Invalid sign"
    elif "errorCode" in body or body.get("success") is False:
        assert isinstance(control, Refusal)
        assert control.topic == (body.get("group") or "")
        assert control.text == (body.get("error") or body.get("errorMessage"))
    else:
        assert control == Ack(body.get("event") or body["action"], body.get("topic") or body["group"])


@pytest.mark.parametrize("market", ["spot", "futures"])
async def test_every_control_frame_survives_a_live_socket(market: str) -> None:
    """All of them, unasked, on one socket: the held topic goes on, and nothing reaches its handler."""
    texts = [
        param.values[2]
        for param in _control_frames()
        if param.values[1] == market
        and '"event":"login"' not in param.values[2]
        and '"access"' not in param.values[2]
    ]
    updates: list[Update[Any]] = []
    end = "spot/end:X" if market == "spot" else "futures/end:X"

    def reply(session: Session, message: Message) -> None: ...

    async with serving(reply) as (server, ws):
        await ws.subscribe(end, handler=updates.append)
        await server.last().send(*texts, _END[market])
        await until(lambda: updates)
        assert [update.topic for update in updates] == [end]
        assert len(server.sessions) == 1
