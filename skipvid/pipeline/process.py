"""One run over one video, from its source to the files it leaves."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from skipvid.pipeline.config import RunConfig
from skipvid.pipeline.memory import keep_freed_memory
from skipvid.pipeline.observer import Observer, RunResult, Silent
from skipvid.pipeline.pace import Pace, budget_of
from skipvid.pipeline.passes import warm_up
from skipvid.pipeline.record import public_name
from skipvid.pipeline.setup import Models, assemble
from skipvid.pipeline.stop import Stop
from skipvid.pipeline.window import Window, display_problem
from skipvid.video.cv import opencv_threads
from skipvid.video.source import open_source

__all__ = ["run"]


def run(config: RunConfig, observer: Observer | None = None, stop: Stop | None = None, models: Models | None = None) -> RunResult:
    """Process one video.

    Args:
        config: What to do.
        observer: Hears how it goes.
        stop: How the user ends it early; then files are finalised and the result says so.
        models: Networks already loaded, for runs over several videos.

    Raises:
        SkipvidError: The source, the model or a file does not do; what was written until then is left, videos as ``.part``.
    """
    observer, stop = observer or Silent(), stop or Stop()
    keep_freed_memory()
    with ExitStack() as stack:
        stack.enter_context(opencv_threads(config.threads))
        paced = bool(config.live)
        source = stack.enter_context(open_source(config.source, config.vid_stride, paced=paced, threads=config.threads))
        setup = assemble(config, source, models or Models())
        pace = None if config.budget.fps is None else Pace(config.budget.fps)
        setup.stream.budget = budget_of(config, pace)
        # Whether the network works is known before any file is written. Meanwhile Python loads what writes them.
        with ThreadPoolExecutor(1, "warm-up") as other:
            warm = other.submit(warm_up, setup.stream, *setup.input_size)
            from skipvid.pipeline.loop import Loop
        warm.result()
        loop = Loop(config, source, setup, observer, stop, _window(config, observer, stack), pace)
        with stop.deferred():
            return loop.go()


def _window(config: RunConfig, observer: Observer, stack: ExitStack) -> Window | None:
    if not config.output.show:
        return None
    problem = display_problem()
    if problem is not None:
        observer.notice(f"no preview window: {problem}")
        return None
    window = Window(f"skipvid {public_name(config.source)}")
    stack.callback(window.close)
    return window
