"""When everything is recomputed: at the first frame, on request, and where the picture says so."""

from __future__ import annotations

from skipvid.engine.executor import ByteArray
from skipvid.gates.safety import EXPOSURE, MOVING, Safety, Watch
from skipvid.plan import FloatArray

__all__ = ["BUDGET", "FIRST", "REQUESTED", "Refreshes"]

FIRST = "first"
REQUESTED = "requested"
BUDGET = "budget"

_MOVING_NOTICE = "most of the picture keeps changing (a moving camera?): every frame is computed in full until it calms"


class Refreshes:
    """What one stream has been asked for, and what its pictures look like.

    Args:
        safety: What counts as a cut or a moving camera; None to refresh on request only.

    Attributes:
        request: Why the next frame must be recomputed in full, whatever it shows; None: it need not.
        notice: A remark for the user, once there is one.
    """

    def __init__(self, safety: Safety | None) -> None:
        self._watch: Watch | None = None if safety is None else safety.watch()
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.request: str | None = FIRST
        self.notice: str | None = None
        if self._watch is not None:
            self._watch.reset()

    def reason(
        self, picture: FloatArray | ByteArray | None, unit: float, *, share: float | None, repeated: bool, tight: bool
    ) -> str | None:
        """Why this frame must be recomputed in full, or None. A request goes before what is seen in the picture.

        Args:
            picture: ``(H, W, C)``, the next frame; None where there is none to look at.
            unit: What one grey level is in it.
            share: Share of the arithmetic that the previous frame executed, None where unknown.
            repeated: The picture is known to equal the one before.
            tight: Whether a budget does not afford all of it: what moves is then recomputed in turns.
        """
        if self._watch is None or picture is None:
            return self.request
        seen = self._watch.decide(picture, share=share, unit=unit, repeated=repeated)
        if seen in (MOVING, EXPOSURE) and tight:
            seen = None
        if seen == MOVING:
            self.notice = _MOVING_NOTICE
        if self.request is not None:
            self._watch.refreshed()
        return self.request or seen
