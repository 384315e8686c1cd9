"""A slow, readable interpreter of plans: every operator dense, with torch. The oracle is ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.graph import build_plan
from skipvid.plan import (
    Act,
    Activation,
    Binary,
    BinaryKind,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    FloatArray,
    GlobalPool,
    Island,
    Op,
    Plan,
    Pool,
    PoolKind,
    Resample,
    Softmax,
    SpaceToDepth,
    Unary,
)

TOLERANCE = 1e-4  # of the largest value of an output: sums of different order differ by about 1e-6, networks amplify that


def session(model: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def activate(x: Tensor, act: Activation) -> Tensor:
    """``x`` is (H, W, C)."""
    a, b = act.alpha, act.beta
    match act.kind:
        case Act.IDENTITY:
            return x
        case Act.RELU:
            return x.relu()
        case Act.LEAKY_RELU:
            return torch.where(x >= 0, x, a * x)
        case Act.PRELU:
            return torch.where(x >= 0, x, torch.from_numpy(act.slope) * x)
        case Act.CLIP:
            return x.clamp(a, b)
        case Act.SIGMOID:
            return x.sigmoid()
        case Act.HARD_SIGMOID:
            return (a * x + b).clamp(0, 1)
        case Act.HARD_SWISH:
            return x * (x / 6 + 0.5).clamp(0, 1)
        case Act.SILU:
            return x * x.sigmoid()
        case Act.MISH:
            return x * F.softplus(x).tanh()
        case Act.TANH:
            return x.tanh()
        case Act.ELU:
            return torch.where(x >= 0, x, a * x.expm1())
        case Act.GELU:
            return F.gelu(x)
        case Act.SOFTPLUS:
            return F.softplus(x)
        case Act.EXP:
            return x.exp()
        case Act.SQRT:
            return x.sqrt()
        case Act.ABS:
            return x.abs()
        case Act.NEG:
            return -x
    raise AssertionError(act)


def nchw(x: Tensor) -> Tensor:
    return x.permute(2, 0, 1)[None]


def hwc(x: Tensor) -> Tensor:
    return x[0].permute(1, 2, 0)


def conv(op: Conv, x: Tensor) -> Tensor:
    top, left, bottom, right = op.pads
    padded = F.pad(nchw(x), (left, right, top, bottom))
    weight, bias = torch.from_numpy(op.weight), torch.from_numpy(op.bias)
    return hwc(F.conv2d(padded, weight, bias, op.stride, 0, op.dilation, op.groups))


def conv_transpose(op: ConvTranspose, x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(op.weight), torch.from_numpy(op.bias)
    full = F.conv_transpose2d(nchw(x), weight, None, op.stride, 0, 0, op.groups, op.dilation)
    top, left, bottom, right = op.pads
    return hwc(F.pad(full, (-left, -right, -top, -bottom))) + bias


def pool(op: Pool, x: Tensor, height: int, width: int) -> Tensor:
    out = torch.empty(height, width, x.shape[2])
    (kh, kw), (sh, sw), (dh, dw), (top, left, bottom, right) = op.kernel, op.stride, op.dilation, op.pads
    for oy in range(height):
        ys = [oy * sh - top + k * dh for k in range(kh)]
        rows = [y for y in ys if 0 <= y < x.shape[0]]
        for ox in range(width):
            xs = [ox * sw - left + k * dw for k in range(kw)]
            cols = [c for c in xs if 0 <= c < x.shape[1]]
            window = x[rows][:, cols].reshape(-1, x.shape[2])
            if op.kind is PoolKind.MAX:
                out[oy, ox] = window.amax(0)
                continue
            tall = sum(-top <= y < x.shape[0] + bottom for y in ys)
            wide = sum(-left <= c < x.shape[1] + right for c in xs)
            out[oy, ox] = window.sum(0) / (tall * wide if op.count_pads else len(window))
    return out


def binary(op: Binary, maps: list[Tensor]) -> Tensor:
    a = maps[0]
    b = maps[1] if op.constant is None else torch.from_numpy(op.constant.value)
    if op.constant is not None:
        h, w, c = b.shape
        assert (h, w) in ((1, 1), tuple(a.shape[:2]))
        assert c in (1, a.shape[2])
    if op.constant_first:
        a, b = b, a
    match op.kind:
        case BinaryKind.ADD:
            return a + b
        case BinaryKind.SUB:
            return a - b
        case BinaryKind.MUL:
            return a * b
        case BinaryKind.DIV:
            return a / b
        case BinaryKind.MAX:
            return torch.maximum(a, b)
        case BinaryKind.MIN:
            return torch.minimum(a, b)
        case BinaryKind.POW:
            return a**b
    raise AssertionError(op)


def resample(op: Resample, x: Tensor) -> Tensor:
    rows, cols = torch.from_numpy(op.row_index).long(), torch.from_numpy(op.col_index).long()
    rw, cw = torch.from_numpy(op.row_weight), torch.from_numpy(op.col_weight)
    wide = (x[:, cols.clamp(0)] * cw[None, :, :, None]).sum(2)
    out = (wide[rows.clamp(0)] * rw[:, :, None, None]).sum(1)
    nothing = ((rows < 0) & (rw > 0)).any(1)[:, None] | ((cols < 0) & (cw > 0)).any(1)[None]
    return torch.where(nothing[..., None], torch.tensor(op.fill), out)


def softmax(op: Softmax, x: Tensor) -> Tensor:
    h, w, c = x.shape
    return x.reshape(h, w, op.groups, c // op.groups).softmax(3).reshape(h, w, c)


def step(op: Op, plan: Plan, maps: dict[str, Tensor]) -> dict[str, Tensor]:
    spec = plan.tensors[op.outputs[0]]
    x = [maps[n] for n in op.inputs]
    match op:
        case Conv():
            y = conv(op, x[0])
        case ConvTranspose():
            y = conv_transpose(op, x[0])
        case Pool():
            y = pool(op, x[0], spec.height, spec.width)
        case GlobalPool():
            y = x[0].mean((0, 1), keepdim=True) if op.kind is PoolKind.AVERAGE else x[0].amax((0, 1), keepdim=True)
        case Unary():
            y = x[0]
        case Binary():
            y = binary(op, x)
        case Concat():
            y = torch.cat(x, 2)
            y = y if op.channels is None else y[..., torch.from_numpy(op.channels).long()]
        case Resample():
            y = resample(op, x[0])
        case SpaceToDepth():
            block = x[0].reshape(spec.height, op.block, spec.width, op.block, -1)
            dy, dx, c = torch.from_numpy(op.source).long().T
            y = block[:, dy, :, dx, c].permute(1, 2, 0)
        case DepthToSpace():
            grid = torch.from_numpy(op.source).long().repeat(x[0].shape[0], x[0].shape[1], 1)
            big = x[0].repeat_interleave(op.block, 0).repeat_interleave(op.block, 1)
            y = big.gather(2, grid)
        case Softmax():
            y = softmax(op, x[0])
        case Island():
            feed = {n: nchw(t).contiguous().numpy() for n, t in zip(op.inputs, x, strict=True)}
            results = session(op.model).run(list(op.outputs), feed)
            return {n: hwc(torch.from_numpy(r)) for n, r in zip(op.outputs, results, strict=True)}
        case _:
            raise AssertionError(op)
    y = activate(y, getattr(op, "activation", Activation()))
    assert y.shape == (spec.height, spec.width, spec.channels), (op.name, y.shape, spec)
    return {op.output: y.contiguous()}


def run(plan: Plan, x: FloatArray) -> dict[str, FloatArray]:
    """Every graph output of a plan for an input ``(1, C, H, W)``."""
    maps = {plan.input.name: hwc(torch.from_numpy(x)).contiguous()}
    for op in plan.ops:
        maps |= step(op, plan, maps)
    results = {name: nchw(maps[t]).numpy() for name, t in plan.maps.items()}
    if plan.tail is not None:
        feed = {n: nchw(maps[n]).contiguous().numpy() for n in plan.tail.inputs}
        results |= dict(zip(plan.tail.outputs, session(plan.tail.model).run(list(plan.tail.outputs), feed), strict=True))
    assert set(results) == set(plan.outputs)
    return {name: results[name] for name in plan.outputs}


def bound_copy(model: onnx.ModelProto, imgsz: tuple[int, int] | None) -> onnx.ModelProto:
    """A model that declares another input size, as ONNX Runtime wants it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if imgsz is not None:
        known = {t.name for t in copy.graph.initializer}
        image = next(v for v in copy.graph.input if v.name not in known)
        for dim, size in zip(image.type.tensor_type.shape.dim, (1, 3, *imgsz), strict=True):
            dim.ClearField("dim_param")
            dim.dim_value = size
        del copy.graph.value_info[:]
        for out in copy.graph.output:
            if out.type.tensor_type.elem_type:
                out.type.tensor_type.ClearField("shape")
    return copy


def oracle(model: onnx.ModelProto, x: FloatArray) -> dict[str, FloatArray]:
    """What ONNX Runtime answers."""
    ready = session(model.SerializeToString())
    names = [o.name for o in ready.get_outputs()]
    return dict(zip(names, ready.run(names, {ready.get_inputs()[0].name: x}), strict=True))


def assert_close(got: dict[str, FloatArray], want: dict[str, FloatArray]) -> None:
    assert list(got) == list(want)
    for name, expected in want.items():
        assert got[name].shape == expected.shape, (name, got[name].shape, expected.shape)
        if expected.size:
            error = np.abs(got[name].astype(np.float64) - expected).max()
            assert error <= TOLERANCE * np.abs(expected).max(), f"{name}: {error} of {np.abs(expected).max()}"


def check(model: onnx.ModelProto, imgsz: tuple[int, int] | None = None, x: FloatArray | None = None) -> Plan:
    """Builds a plan and compares all its outputs with ONNX Runtime on the same input."""
    plan = build_plan(model, imgsz)
    spec = plan.input
    if x is None:
        x = np.random.default_rng(0).normal(size=(1, spec.channels, spec.height, spec.width)).astype(np.float32)
    assert_close(run(plan, x), oracle(bound_copy(model, imgsz), x))
    check_structure(plan)
    return plan


def check_structure(plan: Plan) -> None:
    """What every plan must satisfy: names unique, order topological, nothing dead, gates on maps that operators write."""
    assert len({op.name for op in plan.ops}) == len(plan.ops)
    written = {plan.input.name}
    read = {*plan.maps.values(), *(plan.tail.inputs if plan.tail else ())}
    for op in plan.ops:
        assert set(op.inputs) <= written, op.name
        assert not set(op.outputs) & written, op.name
        written |= set(op.outputs)
        read |= set(op.inputs)
    assert written == set(plan.tensors)
    for op in plan.ops:
        assert read & set(op.outputs), f"{op.name} is dead"
    assert plan.gates[0].name == "input"
    assert {g.tensor for g in plan.gates} <= written


def load(path: Path) -> onnx.ModelProto:
    return onnx.load(path)
