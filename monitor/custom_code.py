"""Code of check authors: found by path or entry point, given its config, and called.

It runs in the foreign child alone: importing it may hang, raise, or take all memory.

Hierarchy: Exception ← CodeError (the text is for people and holds no value of the config).
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from traceback import walk_tb
from types import ModuleType, TracebackType
from typing import Any, get_type_hints

from domain.fields import convert
from domain.mistakes import closest

GROUP = "nocturne.checks"
SHOWN = 5

_loaded: dict[str, tuple[tuple[int, int], ModuleType]] = {}
_loading = threading.Lock()


class CodeError(Exception):
    """The code can't be found, loaded, or called with its config."""


def find(path: str | None, entry: str) -> Callable[..., object]:
    """The class or function `entry` of the file, or of the group of entry points without one.

    A file that has changed since is loaded anew. Raises CodeError.
    """
    found = _entry_point(entry) if path is None else _in_file(path, entry)
    if not callable(found):
        raise CodeError(f"{entry} is neither a class nor a function")
    return found


def bind(code: Callable[..., object], config: Mapping[str, object]) -> Callable[[], object]:
    """The call of a function with its config, or of `run` of a class that is made with it.

    Values are converted to the types that the parameters name. Raises CodeError with every mistake.
    """
    name = getattr(code, "__name__", "it")
    values = _values(code, config)
    if not inspect.isclass(code):
        return lambda: code(**values)
    if not callable(getattr(code, "run", None)):
        raise CodeError(f"{name} has no method run")
    made: Callable[..., Any] = code
    return lambda: made(**values).run()


def told(error: BaseException, name: str, file: str | None) -> str:
    """What was raised and where: its kind, and the last line of the author's own that led to it.

    What the exception says is left out, since it may repeat a secret; an errno never does.
    """
    reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    if isinstance(error, ImportError) and error.name:
        reason = f" ({error.name})"
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.lineno and error.filename:
        return f"{name} has a {kind} at {_place(error.filename, error.lineno)}"
    place = _last_line(error.__traceback__, file)
    return f"{name} raised {kind}{reason}{f' at {place}' if place else ''}"


def _entry_point(name: str) -> object:
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        there = ", ".join(sorted(found)[:SHOWN]) or "none"
        raise CodeError(f"No entry point {name} in the group {GROUP}; there are: {there}")
    try:
        return found[name].load()
    except AttributeError:
        raise CodeError(
            f"The entry point {name} names {found[name].value}, which is missing"
        ) from None


def _in_file(path: str, name: str) -> object:
    module = _module(Path(path).absolute())
    if not hasattr(module, name):
        names = [each for each in vars(module) if not each.startswith("_")]
        meant = closest(name, names)
        hint = f", did you mean {meant}?" if meant else ""
        raise CodeError(f"{Path(path).name} has no {name}{hint}")
    return getattr(module, name)


def _module(path: Path) -> ModuleType:
    try:
        facts = path.stat()
    except OSError as error:
        raise CodeError(f"{path} can't be read: {error.strerror}") from None
    stamp, key = (facts.st_mtime_ns, facts.st_size), str(path)
    with _loading:
        if key not in _loaded or _loaded[key][0] != stamp:
            _loaded[key] = (stamp, _load(path))
        return _loaded[key][1]


def _load(path: Path) -> ModuleType:
    # The folder comes last: a file beside it that is called like a library must not stand in for it.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    name = f"nocturne_check_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CodeError(f"{path.name} is no Python file: its name must end with .py")
    # Type hints that are text are looked up by the module's name.
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _values(code: Callable[..., object], config: Mapping[str, object]) -> dict[str, object]:
    parameters = inspect.signature(code).parameters
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    known = {
        name: each
        for name, each in parameters.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    }
    hints, values = _hints(code), dict(config)
    mistakes = [] if open_ended else list(_unknown(config, known))
    for name, parameter in known.items():
        if name not in config:
            if parameter.default is parameter.empty:
                mistakes.append(f"config.{name} is missing")
            continue
        try:
            values[name] = _converted(config[name], hints.get(name, Any))
        except ValueError as error:
            mistakes.append(f"config.{name} {error}")
    if mistakes:
        raise CodeError("; ".join(mistakes))
    return values


def _unknown(config: Mapping[str, object], known: Mapping[str, object]) -> Iterator[str]:
    for name in config:
        if name not in known:
            meant = closest(name, known)
            yield f"config.{name} is unknown{f', did you mean {meant}?' if meant else ''}"


def _hints(code: Callable[..., object]) -> dict[str, Any]:
    """The types of the parameters; of a class without an `__init__` of its own, of its fields."""
    found: dict[str, Any] = {}
    for each in (code, code.__init__) if inspect.isclass(code) else (code,):
        try:
            found |= get_type_hints(each)
        except (NameError, TypeError):  # names that exist for a type checker only
            continue
    return found


def _converted(value: object, wanted: Any) -> object:
    """The value as its type; the text of an environment variable may stand for a number."""
    if wanted is Path:
        return Path(str(convert(value, str)))
    try:
        return convert(value, wanted, strict=False)
    except TypeError:  # a type that only its author knows
        return value


def _last_line(trace: TracebackType | None, file: str | None) -> str:
    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(trace)]
    own = [each for each in lines if each[0] == file]
    return _place(*(own or lines)[-1]) if lines else ""


def _place(file: str, line: int) -> str:
    return f"{Path(file).name}:{line}"
