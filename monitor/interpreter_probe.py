"""Run by a Python interpreter to be checked: imports modules, calls a function, tells how it went.

It is started by `monitor.interpreter` as a script, maybe by another Python than the monitor's (3.8 or
newer) in which nothing of ours is installed: so it uses the standard library only. It reads an order
as JSON from stdin, and writes one JSON object per line for each thing done.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import sys
import time
from importlib import metadata
from types import ModuleType
from typing import Any

TEXT_LIMIT = 200
PR_SET_PDEATHSIG = 1
SIGKILL = 9


def main() -> None:
    """Do what the order says, in its order."""
    order = json.loads(sys.stdin.read())
    answers = _private_pipe()
    _die_with(order["parent"])
    _limit_memory(order["memory_bytes"])
    sys.path[:0] = order["path"]
    _tell(answers, {"python": ".".join(str(part) for part in sys.version_info[:3])})
    for name in order["modules"]:
        _tell(answers, _module(name))
    if order["loads"]:
        _tell(answers, _load(order["loads"]))
    _tell(answers, {"end": True, "peak_bytes": _peak_bytes()})
    os._exit(0)  # threads and exit handlers of what was imported are of no interest


def _private_pipe() -> int:
    """The pipe to the monitor, moved away from where foreign code prints."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _die_with(parent: int) -> None:
    """Be killed when the monitor is, even while foreign code holds the interpreter's lock."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
    except (ImportError, OSError, AttributeError):  # Linux only, and ctypes may be left out
        pass
    if os.getppid() != parent:
        os._exit(0)


def _limit_memory(size: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _peak_bytes() -> int:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _tell(pipe: int, answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(pipe, data) :]


def _module(name: str) -> dict[str, Any]:
    """Import a module, or those that a distribution of this name brings; and its version."""
    start = time.perf_counter()
    answer: dict[str, Any] = {"module": name, "version": None, "missing": False, "error": None}
    try:
        distribution = _distribution(name)
        modules = _importable(name, distribution)
        if distribution is not None:
            answer["version"] = distribution.version
        answer["missing"] = distribution is None and not modules
        for module in modules:
            imported = importlib.import_module(module)
            if answer["version"] is None:
                answer["version"] = _version_of(imported)
    except BaseException as error:  # whatever an import raises is what is measured
        answer["error"] = _text(error)
    answer["ms"] = (time.perf_counter() - start) * 1000
    return answer


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _importable(name: str, distribution: metadata.Distribution | None) -> list[str]:
    """The module of that name; else what the distribution of that name has at its top."""
    module = name.replace("-", "_")
    try:
        if importlib.util.find_spec(module) is not None:
            return [module]
    except (ModuleNotFoundError, ValueError):
        pass
    if distribution is None:
        return []
    names = (distribution.read_text("top_level.txt") or "").split()
    if not names:
        files = [file.parts for file in distribution.files or () if file.suffix == ".py"]
        names = sorted({parts[0][:-3] if len(parts) == 1 else parts[0] for parts in files})
    return [each for each in names if each.isidentifier() and not each.startswith("_")]


def _version_of(module: ModuleType) -> str | None:
    version = getattr(module, "__version__", None)
    if isinstance(version, str):
        return version
    if sys.version_info < (3, 10):  # noqa: UP036  # another Python than ours runs this
        return None
    names = metadata.packages_distributions().get(module.__name__.partition(".")[0]) or ()
    return metadata.version(names[0]) if names else None


def _load(address: str) -> dict[str, Any]:
    """Import and call `package.module:function`."""
    start = time.perf_counter()
    answer: dict[str, Any] = {
        "loads": address,
        "missing": False,
        "error": None,
        "returned_false": False,
    }
    module, _, path = address.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            if not hasattr(found, name):
                answer["missing"] = True
                answer["error"] = f"{module} has no {path}"
                break
            found = getattr(found, name)
        else:
            answer["returned_false"] = _value(found()) is False
    except BaseException as error:  # whatever it raises is what is measured
        answer["missing"] = isinstance(error, ModuleNotFoundError) and error.name in _parts(module)
        answer["error"] = _text(error)
    answer["ms"] = (time.perf_counter() - start) * 1000
    return answer


def _value(returned: Any) -> Any:
    """What was returned; the function may be `async`."""

    async def awaited() -> Any:
        return await returned

    return asyncio.run(awaited()) if hasattr(returned, "__await__") else returned


def _parts(module: str) -> list[str]:
    """`a.b.c` and the packages around it."""
    names = module.split(".")
    return [".".join(names[:length]) for length in range(1, len(names) + 1)]


def _text(error: BaseException) -> str:
    name, text = type(error).__name__, str(error)
    return f"{name}: {text[:TEXT_LIMIT]}" if text else name


if __name__ == "__main__":
    main()
