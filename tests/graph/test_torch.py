"""torch modules come in through torch.onnx.export; families of networks that are not at hand as files are built here in small."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skipvid.errors import GraphError
from skipvid.graph import build_plan, export_torch
from skipvid.plan import Act, Island, Plan, Resample, Unary
from tests.graph.harness import check


def block(c: int, k: int, stride: int = 1, groups: int = 1, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.LazyConv2d(c, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(c), act())


class HighResolution(nn.Module):
    """Two resolutions that exchange: strided convolutions down, nearest or bilinear upsampling up, fused by addition."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self.stem, self.down, self.high, self.low = block(8, 3, 2), block(16, 3, 2), block(8, 3), block(16, 3)
        self.up, self.again, self.head = nn.LazyConv2d(8, 1), nn.LazyConv2d(16, 3, 2, 1), nn.LazyConv2d(17, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        high, low = self.high(x), self.low(self.down(x))
        corners = {"align_corners": False} if self.mode == "bilinear" else {}
        up = F.interpolate(self.up(low), size=high.shape[2:], mode=self.mode, **corners)
        low = F.relu(low + self.again(high))
        fused = F.relu(high + up)
        return self.head(fused + F.interpolate(self.up(low), scale_factor=2, mode=self.mode, **corners))


class Mobile(nn.Module):
    """Inverted residuals with squeeze-and-excitation and hard-swish, a classifier behind."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.wide, self.deep = (
            block(8, 3, 2, act=nn.Hardswish),
            block(16, 1, act=nn.Hardswish),
            block(16, 5, 1, 16, nn.Hardswish),
        )
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(16, 4, 1), nn.ReLU(), nn.Conv2d(4, 16, 1), nn.Hardsigmoid()
        )
        self.thin, self.head = nn.Sequential(nn.LazyConv2d(8, 1, bias=False), nn.BatchNorm2d(8)), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.deep(self.wide(x))
        x = x + self.thin(y * self.squeeze(y))
        return self.head(x.mean((2, 3)))


class Shuffle(nn.Module):
    """Halves that are joined and shuffled, pixel shuffle at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.side, self.deep, self.out = block(8, 3, 2), block(4, 1), block(4, 3, 1, 4), nn.LazyConv2d(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(2):
            a, b = x.chunk(2, 1)
            x = torch.cat([a, self.deep(self.side(b))], 1)
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return F.pixel_shuffle(self.out(x), 2)


class Blaze(nn.Module):
    """Asymmetric pads, a max-pool beside, and channels padded with zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, 2)
        self.deep, self.wide = nn.Conv2d(8, 8, 3, 2, groups=8), nn.Conv2d(8, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(F.pad(x, (1, 2, 1, 2))))
        side = F.pad(F.max_pool2d(x, 2, 2), (0, 0, 0, 0, 0, 4))
        return F.relu(self.wide(self.deep(F.pad(x, (0, 2, 0, 2)))) + side)


class Pyramid(nn.Module):
    """A YOLO neck in small: SPPF, nearest upsampling, concatenation, anchors flattened behind SiLU heads."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.mix = block(8, 3, 2, act=nn.SiLU), block(16, 3, 2, act=nn.SiLU), block(8, 1, act=nn.Mish)
        self.pool, self.up = nn.MaxPool2d(5, 1, 2), nn.Upsample(scale_factor=2)
        self.heads = nn.ModuleList([nn.LazyConv2d(9, 1) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(a)
        p1 = self.pool(b)
        p2 = self.pool(p1)
        b = torch.cat([b, p1, p2, self.pool(p2)], 1)
        a = self.mix(torch.cat([self.up(b), a], 1))
        levels = [torch.cat([h(y)[:, :4], h(y)[:, 4:].sigmoid()], 1).flatten(2) for h, y in zip(self.heads, (a, b), strict=True)]
        return torch.cat(levels, 2).transpose(1, 2)


class Gelu(nn.Module):
    """A ConvNeXt block: depthwise convolution, layer normalisation of the channels, GELU, layer scale."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.deep, self.norm = nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 7, padding=3, groups=8), nn.LayerNorm(8)
        self.wide, self.thin, self.scale = nn.Linear(8, 32), nn.Linear(32, 8), nn.Parameter(torch.linspace(0.5, 1, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        y = self.scale * self.thin(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


FAMILIES = {
    "high resolution, bilinear": (lambda: HighResolution("bilinear"), 0),
    "high resolution, nearest": (lambda: HighResolution("nearest"), 0),
    "mobile": (Mobile, 0),
    "shuffle": (Shuffle, 0),
    "blaze": (Blaze, 0),
    "pyramid": (Pyramid, 0),
    "gelu": (Gelu, 0),
}


def prepared(module: nn.Module, example: Tensor) -> nn.Module:
    """A module with settled shapes and batch statistics other than 0 and 1."""
    torch.manual_seed(0)
    module(example)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_mean.normal_(0, 0.3)
            each.running_var.uniform_(0.5, 2)
    return module.eval()


def islands(plan: Plan) -> int:
    return sum(isinstance(op, Island) for op in plan.ops)


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str) -> None:
    make, dense = FAMILIES[name]
    torch.manual_seed(0)
    example = torch.randn(2, 3, 32, 48)
    module = prepared(make(), example)
    plan = check(export_torch(module, example[:1]))
    assert islands(plan) <= dense
    assert sum(isinstance(op, Unary) for op in plan.ops) <= 3


@pytest.mark.parametrize("opset", [9, 11, 13, 16, 18, 20])
@pytest.mark.parametrize("name", FAMILIES)
def test_family_in_other_opsets(name: str, opset: int) -> None:
    make, dense = FAMILIES[name]
    torch.manual_seed(0)
    example = torch.randn(2, 3, 32, 48)
    module = prepared(make(), example)
    buffer = io.BytesIO()
    open_size = {"image": {2: "height", 3: "width"}} if opset != 9 else None
    torch.onnx.export(
        module, (example[:1],), buffer, opset_version=opset, dynamo=False, input_names=["image"], dynamic_axes=open_size
    )
    plan = check(onnx.load_model_from_string(buffer.getvalue()), (32, 48))
    assert islands(plan) <= dense


def test_activations_are_fused_whatever_the_spelling() -> None:
    torch.manual_seed(0)
    plan = build_plan(export_torch(prepared(Mobile(), torch.randn(2, 3, 32, 48)), torch.zeros(1, 3, 32, 48)))
    kinds = [getattr(op, "activation", None) for op in plan.ops]
    assert sum(a is not None and a.kind is Act.HARD_SWISH for a in kinds) == 3
    assert sum(a is not None and a.kind is Act.HARD_SIGMOID for a in kinds) == 1


def test_export_leaves_the_module_as_it_was() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    module[1].eval()
    export_torch(module, torch.zeros(1, 3, 8, 8))
    assert [m.training for m in module] == [True, False, True]


def test_export_of_something_that_is_no_image() -> None:
    with pytest.raises(GraphError, match=r"The example is \[3, 8, 8\]; one image"):
        export_torch(nn.Identity(), torch.zeros(3, 8, 8))


def test_export_that_fails() -> None:
    class Odd(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.linalg.svdvals(x)

    with pytest.raises(GraphError, match="torch cannot export Odd: ") as caught:
        export_torch(Odd(), torch.zeros(1, 3, 8, 8))
    assert "torch.onnx.export" in caught.value.remedy


def test_bilinear_upsampling_reads_two_rows_and_columns() -> None:
    plan = build_plan(export_torch(nn.Upsample(scale_factor=2, mode="bilinear"), torch.zeros(1, 3, 6, 8)))
    (op,) = plan.ops
    assert isinstance(op, Resample)
    assert op.row_index.shape == (12, 2)
    np.testing.assert_allclose(op.row_weight.sum(1), 1)
