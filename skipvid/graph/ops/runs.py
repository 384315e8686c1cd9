"""Work along a dimension of some of a map's channels, such as the bins of a distribution: a run for each of the others."""

from __future__ import annotations

import numpy as np

from skipvid.graph.lowering import Lowering
from skipvid.graph.values import NotIncrementalError, View
from skipvid.graph.views import channel_grid, with_channels
from skipvid.plan import Conv, FloatArray

__all__ = ["along_channels", "from_runs", "in_runs"]


def in_runs(low: Lowering, view: View, axis: int) -> tuple[View, int]:
    """The view's map with the channels of each run along a dimension lying together; and how many runs there are.

    Raises:
        NotIncrementalError: The dimension runs over other things than channels.
    """
    grid, where = channel_grid(view, axis)
    runs = np.ascontiguousarray(np.moveaxis(grid, where, -1).ravel(), np.int32)
    if runs.size != low.spec(view).channels:
        message = "works on a part of the channels"
        raise NotIncrementalError(message)
    return low.select(view, runs), runs.size // view.shape[axis]


def from_runs(low: Lowering, view: View, axis: int, result: View) -> View:
    """What became of runs, each perhaps of another length now, laid out as the view that they are from.

    Args:
        low: The graph on its way.
        view: What `in_runs` was given.
        axis: As given there.
        result: A map of the runs, in their order.
    """
    grid, where = channel_grid(view, axis)
    rest = np.delete(grid.shape, where)
    length = low.spec(result).channels // int(np.prod(rest))
    if length == view.shape[axis] and np.array_equal(np.moveaxis(grid, where, -1).ravel(), np.arange(grid.size)):
        return View(result.base, view.dims)
    order = np.moveaxis(np.arange(int(np.prod(rest)) * length).reshape(*rest, length), -1, where).ravel()
    return with_channels(view, axis, low.select(result, order.astype(np.int32)).base, length)


def along_channels(low: Lowering, view: View, axis: int, weight: FloatArray, bias: FloatArray) -> View:
    """``weight @ x + bias`` along a dimension of channels, for each of the others: a 1x1 convolution in as many groups.

    In several groups it decodes, and is not gated.

    Args:
        low: The graph on its way.
        view: What is multiplied.
        axis: The dimension.
        weight: ``(outputs, inputs)``.
        bias: ``(outputs,)``.

    Raises:
        NotIncrementalError: As of `in_runs`.
    """
    ordered, count = in_runs(low, view, axis)
    spec = low.spec(ordered)
    outputs = len(weight)
    y = low.emit(
        Conv,
        [spec.name],
        (spec.height, spec.width, count * outputs),
        weight=np.tile(np.ascontiguousarray(weight, np.float32)[:, :, None, None], (count, 1, 1, 1)),
        bias=np.tile(bias.astype(np.float32), count),
        groups=count,
        gated=count == 1,
    )
    return from_runs(low, view, axis, y)
