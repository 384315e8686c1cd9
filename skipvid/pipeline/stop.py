"""Ending a run early without leaving half-written files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Interrupted", "Stop"]


class Interrupted(BaseException):
    """The user asked to stop. Not an `Exception`, so that nothing on the way takes it for a failure.

    Args:
        signal: Number of the signal.
        message: What became of the work so far.
    """

    def __init__(self, signal: int, message: str = "stopped before anything was written") -> None:
        super().__init__(message)
        self.signal = signal
        self.message = message

    @property
    def exit_code(self) -> int:
        """128 + signal, as shells count: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.signal


class Stop:
    """The wish to stop, as a signal handler expresses it.

    While nothing is being written (a model loads), it interrupts at once. Inside `deferred` it is only noted, and the frame loop
    ends by itself with every file finalised; asked a second time, it interrupts there too.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._deferred = False

    @property
    def requested(self) -> bool:
        return self.signal is not None

    def request(self, signal: int) -> None:
        """Ask to stop.

        Raises:
            Interrupted: Outside of `deferred`, or asked again.
        """
        again = self.requested
        self.signal = signal
        if again or not self._deferred:
            message = (
                "stopped at once; videos are left as .part files, which play" if again else "stopped before anything was written"
            )
            raise Interrupted(signal, message)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, a first request is noted instead of raised."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
