"""A Python client at the other end of a pipe: makes its objects, calls their methods, tells what came back.

Runs in the environment of the client, not of this project, and knows no client by name. One JSON object
per line each way: ``make`` an object, ``call`` a method, ``follow`` one by calling it for ever; answers
carry the ``id`` of their question. What an object's callbacks are given is told as an ``event``.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import threading

_objects = {}
_followers = []
_out = sys.stdout
_lock = threading.Lock()
sys.stdout = sys.stderr  # whatever a client prints must not end up among the answers


def _tell(message):
    line = json.dumps(message, default=repr)
    with _lock:
        _out.write(line + "\n")
        _out.flush()


def _listener(name):
    def listen(*args):
        _tell({"event": name, "value": args[-1] if args else None})

    return listen


def _make(question):
    module, _, name = question["make"].partition(":")
    maker = getattr(importlib.import_module(module), name)
    callbacks = {key: _listener(event) for key, event in question.get("callbacks", {}).items()}
    _objects[question["as"]] = maker(*question.get("args", []), **question.get("kwargs", {}), **callbacks)
    return True


async def _call(question):
    method = getattr(_objects[question["on"]], question["call"])
    args, kwargs = question.get("args", []), question.get("kwargs", {})
    if inspect.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    if question.get("inline"):  # a plain function that hands back a coroutine of this loop
        result = method(*args, **kwargs)
    else:
        result = await asyncio.to_thread(method, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result


async def _follow(question):
    """Call a method again and again, as a program that watches a stream does, and tell each result."""
    while True:
        try:
            _tell({"event": question["follow"], "value": await _call(question)})
        except Exception as error:
            _tell({"event": question["follow"], "value": None, "error": f"{type(error).__name__}: {error}"})
            return


async def _answer(question):
    answer = {"id": question["id"]}
    try:
        if "make" in question:
            answer["value"] = (
                await asyncio.to_thread(_make, question) if question.get("aside") else _make(question)
            )
        elif "follow" in question:
            _followers.append(asyncio.create_task(_follow(question)))
            answer["value"] = True
        else:
            answer["value"] = await _call(question)
    except Exception as error:  # told to the test, which judges it
        answer["error"], answer["text"] = type(error).__name__, str(error)
        answer["kinds"] = [kind.__name__ for kind in type(error).__mro__]
    _tell(answer)


async def _main():
    loop, tasks = asyncio.get_running_loop(), set()
    over = asyncio.Event()

    def ask(line):
        task = loop.create_task(_answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def read():
        for line in sys.stdin:
            loop.call_soon_threadsafe(ask, line)
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=read, daemon=True).start()
    await over.wait()


asyncio.run(_main())
_out.flush()
os._exit(0)  # clients keep threads and timers of their own running
