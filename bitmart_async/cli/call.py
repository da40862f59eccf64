"""``bitmart call``: any REST method, its parameters as ``key=value``, its reply as a table or as it came."""

from __future__ import annotations

import difflib
import inspect
import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, cast

import msgspec
from rich.markup import escape
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from bitmart_async import FuturesClientV2, ParameterError, RestClient
from bitmart_async.cli import USAGE
from bitmart_async.cli.where import at_the_keyboard, the_place
from bitmart_async.rest.endpoint import Auth, Effect, Endpoint
from bitmart_async.rest.params import Amount, Choice, Flag, NumberId, Param, Rows, Texts, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import Console

    from bitmart_async.cli.where import Place, Where

__all__ = ["Method", "call", "list_all", "methods", "parameters", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A REST method by its Python name."""

    name: str
    futures: bool
    endpoint: Endpoint[object]
    about: str
    """The first line of its docstring."""
    texts: Mapping[str, str]
    """What its docstring says of each parameter."""


@cache
def methods() -> dict[str, Method]:
    """Every method of both clients that makes one call, by name; found in the code of the methods."""
    found: dict[str, Method] = {}
    for client in (RestClient, FuturesClientV2):
        for name, method in inspect.getmembers(client, inspect.iscoroutinefunction):
            function = cast("Callable[..., object]", method)
            names = cast("dict[str, object]", getattr(function, "__globals__", {}))
            used = [names.get(word) for word in function.__code__.co_names]
            endpoints = [cast("Endpoint[object]", value) for value in used if isinstance(value, Endpoint)]
            if name.startswith("_") or len(endpoints) != 1 or name in found:
                continue
            doc = inspect.getdoc(function) or ""
            found[name] = Method(
                name=name,
                futures=client is FuturesClientV2,
                endpoint=endpoints[0],
                about=doc.split("\n", 1)[0],
                texts=_texts(doc),
            )
    return found


def _texts(doc: str) -> dict[str, str]:
    """The lines under ``Args:`` by name."""
    found: dict[str, str] = {}
    name = ""
    for line in doc.partition("\nArgs:\n")[2].splitlines():
        if not line.startswith("    "):
            break
        if not line.startswith("     "):
            name, _, text = line.strip().partition(": ")
            found[name] = text
        elif name:
            found[name] += " " + line.strip()
    return found


async def call(
    console: Console,
    where: Where,
    name: str,
    pairs: Sequence[str],
    *,
    yes: bool,
    as_it_came: bool,
    describe: bool,
) -> int:
    """Make one call; returns the exit code."""
    errors = type(console)(stderr=True, highlight=False)
    method = methods().get(name)
    if method is None:
        _unknown(errors, name)
        return USAGE
    if describe:
        _describe(console, method)
        return 0
    try:
        params = parameters(method.endpoint, pairs)
    except ParameterError as error:
        errors.print(Text(str(error), style="red"))
        _describe(errors, method)
        return USAGE
    effect = method.endpoint.effect
    async with the_place(where, errors, keys=method.endpoint.auth is not Auth.NONE) as place:
        if effect is not Effect.READ and not yes and not _agreed(errors, method, params, place):
            return USAGE
        client = place.futures() if method.futures else place.rest()
        async with client:
            envelope = await client.call(method.endpoint, **params)
    if as_it_came:
        sys.stdout.write(envelope.raw.decode("utf-8", "replace").rstrip("\n") + "\n")
    else:
        show(console, envelope.data)
    return 0


def _unknown(errors: Console, name: str) -> None:
    near = difflib.get_close_matches(name, methods(), n=5, cutoff=0.5)
    near += [other for other in methods() if name.lower() in other and other not in near][:8]
    errors.print(Text(f"There is no method {name!r}.", style="red"))
    if near:
        errors.print("Did you mean " + ", ".join(near) + "?")
    errors.print("All of them: bitmart call --list")


def parameters(endpoint: Endpoint[object], pairs: Sequence[str]) -> dict[str, object]:
    """``key=value`` texts as the values the endpoint takes.

    Raises:
        ParameterError: One is no pair, unknown, missing or does not fit.
    """
    by_name = {param.name: param for param in endpoint.params}
    given: dict[str, object] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        name = name.lstrip("-").replace("-", "_")
        if not sign:
            raise ParameterError(f"{pair!r} must be written as key=value")
        if name in given:
            raise ParameterError(f"{name} is given twice")
        param = by_name.get(name)
        given[name] = text if param is None else _value(param, text)
    endpoint.encode(given, strict=True)
    return given


def _value(param: Param, text: str) -> object:
    """A text as what a parameter takes; what cannot be read stays text and is refused with a reason."""
    if isinstance(param, Flag):
        return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
            text.lower(), text
        )
    if isinstance(param, Whole) or (isinstance(param, Choice) and param.is_number):
        try:
            return int(text)
        except ValueError:
            return text
    if isinstance(param, Rows | Texts):
        if isinstance(param, Texts) and not text.startswith("["):
            return [part.strip() for part in text.split(",")]
        try:
            return cast("object", json.loads(text, parse_float=Decimal))
        except ValueError as error:
            raise ParameterError(f"{param.name} must be JSON: {error}") from None
    return text


# Help -------------------------------------------------------------------------------------------


def list_all(console: Console) -> None:
    """Every method, by client and area."""
    area = ""
    for method in sorted(methods().values(), key=lambda one: (one.futures, _area(one), one.name)):
        if _area(method) != area:
            area = _area(method)
            console.print(f"\n[bold cyan]{area}[/]")
        mark = "" if method.endpoint.effect is Effect.READ else " [yellow]changes something[/]"
        console.print(f"  [bold]{method.name}[/]{mark}\n      {escape(method.about)}")


def _area(method: Method) -> str:
    return (
        "Futures" if method.futures else method.endpoint.id.partition(".")[0].replace("_", "-").capitalize()
    )


def _describe(console: Console, method: Method) -> None:
    endpoint = method.endpoint
    auth = {Auth.NONE: "public", Auth.KEYED: "needs the key", Auth.SIGNED: "needs the key, signed"}
    effect = "reads only" if endpoint.effect is Effect.READ else "changes something"
    quota = endpoint.quota
    limit = "" if quota is None else f", {quota.requests} calls per {quota.per:g} s"
    console.print(f"[bold]{method.name}[/]  {escape(method.about)}")
    console.print(f"{endpoint.label}: {auth[endpoint.auth]}, {effect}{limit}\n")
    if not endpoint.params:
        console.print("It takes no parameters.")
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for param in endpoint.params:
        text = method.texts.get(param.name, "")
        if isinstance(param, Choice):
            text = f"{text} [{'|'.join(param.values)}]".strip()
        if isinstance(param, Rows):
            text = f"{text} Fields: {', '.join(inner.name for inner in param.fields)}.".strip()
        table.add_row(param.name + ("*" if param.required else ""), _kind(param), Text(text))
    console.print(table)
    console.print("\n* required. Write them as key=value.", style="dim")


def _kind(param: Param) -> str:
    for kind, name in (
        (Amount, "decimal"), (Whole, "whole"), (Flag, "true|false"), (NumberId, "id"),
        (Texts, "a,b,..."), (Rows, "JSON list"), (Choice, "choice"),
    ):  # fmt: skip
        if isinstance(param, kind):
            return name
    return "text"


# Changes ------------------------------------------------------------------------------------------


def _agreed(console: Console, method: Method, params: Mapping[str, object], place: Place) -> bool:
    """Whether somebody says yes to a call that changes something."""
    host = place.environment.futures_rest if method.futures else place.environment.spot_rest
    console.print(f"[bold]{method.name}[/] on [bold]{place.environment.name}[/] ({host}) would send")
    for name, value in params.items():
        console.print(Text(f"  {name} = {value}"))
    if not sys.stdin.isatty():
        console.print("[red]It changes something. Nobody is here to ask: add --yes to send it.[/]")
        return False
    with at_the_keyboard():
        if Confirm.ask("Send it?", console=console, default=False):
            return True
    console.print("Nothing was sent.")
    return False


# Replies ------------------------------------------------------------------------------------------

_MOST_ROWS = 50


def show(console: Console, data: object) -> None:
    """A reply for people."""
    rows = _rows(data)
    if rows is None or len(rows) == 1:
        for name, value in _fields(data if rows is None else rows[0]):
            console.print(Text.assemble((f"{name:<28} ", "dim"), _cell(value)))
        return
    if not rows:
        console.print("No rows.")
        return
    names = [name for name, _ in _fields(rows[0])]
    cells = [[_cell(value) for _, value in _fields(row)] for row in rows[:_MOST_ROWS]]
    widths = [max(len(name), *(len(row[number]) for row in cells)) + 2 for number, name in enumerate(names)]
    shown, used = 0, 0
    while shown < len(names) and used + widths[shown] <= console.width:
        used += widths[shown]
        shown += 1
    shown = max(shown, 1)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in names[:shown]:
        table.add_column(name, no_wrap=True)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row[:shown]))
    console.print(table)
    hidden = [f"{len(rows) - len(cells)} more rows"] if len(rows) > len(cells) else []
    if shown < len(names):
        hidden.append(f"{len(names) - shown} more columns ({', '.join(names[shown:][:6])}...)")
    if hidden:
        console.print(f"\nand {' and '.join(hidden)}: --json shows all", style="dim")


def _rows(data: object) -> list[object] | None:
    """The rows of a reply that is a list, or an object around one list."""
    if isinstance(data, list):
        return cast("list[object]", data)
    if isinstance(data, msgspec.Struct):
        values = [value for name, value in _fields(data) if name != "total"]
        if len(values) == 1 and isinstance(values[0], list):
            return cast("list[object]", values[0])
    return None


def _fields(value: object) -> list[tuple[str, object]]:
    if isinstance(value, msgspec.Struct):
        return [(name, cast("object", getattr(value, name))) for name in value.__struct_fields__]
    if isinstance(value, dict):
        return [(str(name), item) for name, item in cast("dict[object, object]", value).items()]
    return [("", value)]


_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str | int):
        return str(value)
    return _encoder.encode(value).decode()
