"""How far a long command is, on stderr: a bar in a terminal, else a line every 10 per cent."""

from __future__ import annotations

from typing import TextIO

WIDTH = 40
STEP = 10


class Progress:
    """A bar that `advance` moves on until `total` is reached."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = max(total, 1)
        self._stream = stream
        self._done = 0
        self._shown = -1
        self._drawn = stream.isatty()

    def advance(self, by: int = 1) -> None:
        """Note that so much more is done."""
        self._done = min(self._done + by, self._total)
        percent = 100 * self._done // self._total
        step = percent if self._drawn else percent // STEP * STEP
        if step > max(self._shown, 0 if not self._drawn else -1):
            self._show(step)
            self._shown = step

    def _show(self, percent: int) -> None:
        if not self._drawn:
            print(f"{percent} %", file=self._stream, flush=True)
            return
        full = WIDTH * percent // 100
        bar = "█" * full + "·" * (WIDTH - full)
        end = "\n" if percent == 100 else ""
        print(f"\r{bar} {percent:3d} %", end=end, file=self._stream, flush=True)
