"""HRNet for human pose, in a compact form: parallel branches of falling resolution that exchange their maps.

Sun et al., Deep High-Resolution Representation Learning for Human Pose Estimation, CVPR 2019. The layout is that of the published
HRNet-W32 (28.5 million parameters, 7.6 GMACs at 256x192); the weights are random. It shows how a torch module becomes a model:

    model = skipvid.convert(PoseHrNet(), torch.zeros(1, 3, 256, 192))
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["PoseHrNet"]


class PoseHrNet(nn.Module):
    """Image ``(N, 3, H, W)`` -> heatmaps ``(N, keypoints, H / 4, W / 4)``; H and W are multiples of 32.

    Args:
        width: Channels of the finest branch, 32 or 48 in the published networks; each coarser branch has twice as many.
        keypoints: Number of heatmaps.
        modules: Exchange modules of the stages with two, three and four branches.
        blocks: Residual blocks of a branch per module, and of the first stage.
        stem: Channels of the stem.
    """

    def __init__(
        self, width: int = 32, keypoints: int = 17, modules: Sequence[int] = (1, 4, 3), blocks: int = 4, stem: int = 64
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, stem, 3, 2), nn.ReLU(), _conv(stem, stem, 3, 2), nn.ReLU())
        self.first = nn.Sequential(_Bottleneck(stem, stem), *(_Bottleneck(4 * stem, stem) for _ in range(blocks - 1)))
        channels = [4 * stem]
        self.stages = nn.ModuleList()
        for branches, count in enumerate(modules, start=2):
            wanted = [width << i for i in range(branches)]
            last = branches == len(modules) + 1
            parts: list[nn.Module] = [_Transition(channels, wanted)]
            parts += [_Exchange(wanted, blocks, 1 if last and i == count - 1 else branches) for i in range(count)]
            self.stages.append(nn.Sequential(*parts))
            channels = wanted
        self.head = nn.Conv2d(width, keypoints, 1)

    def forward(self, image: Tensor) -> Tensor:
        maps = [self.first(self.stem(image))]
        for stage in self.stages:
            maps = stage(maps)
        heat: Tensor = self.head(maps[0])
        return heat


class _Bottleneck(nn.Module):
    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(inputs, width), nn.ReLU(), _conv(width, width, 3), nn.ReLU(), _conv(width, 4 * width))
        self.skip = nn.Identity() if inputs == 4 * width else _conv(inputs, 4 * width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.skip(x))


class _Basic(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width, 3), nn.ReLU(), _conv(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + x)


class _Transition(nn.Module):
    """Adds a branch of half the resolution, and gives every branch its number of channels."""

    def __init__(self, channels: Sequence[int], wanted: Sequence[int]) -> None:
        super().__init__()
        same = [
            nn.Identity() if c == w else nn.Sequential(_conv(c, w, 3), nn.ReLU()) for c, w in zip(channels, wanted, strict=False)
        ]
        self.branches = nn.ModuleList([*same, nn.Sequential(_conv(channels[-1], wanted[-1], 3, 2), nn.ReLU())])

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        return [branch(m) for branch, m in zip(self.branches, [*maps, maps[-1]], strict=True)]


class _Exchange(nn.Module):
    """Residual blocks in each branch, then every output branch adds up all input branches, resized to its resolution."""

    def __init__(self, channels: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(_Basic(c) for _ in range(blocks))) for c in channels)
        self.fuse = nn.ModuleList(
            nn.ModuleList(_resize(channels, source, target) for source in range(len(channels))) for target in range(outputs)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        maps = [branch(m) for branch, m in zip(self.branches, maps, strict=True)]
        fused = []
        for paths in self.fuse:
            terms = [path(m) for path, m in zip(list(paths), maps, strict=True)]  # type: ignore[call-overload]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            fused.append(torch.relu(total))
        return fused


def _resize(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """From one branch's resolution and channels to another's."""
    if source == target:
        return nn.Identity()
    if source > target:
        up = nn.Upsample(scale_factor=float(1 << (source - target)), mode="nearest")
        return nn.Sequential(_conv(channels[source], channels[target]), up)
    steps: list[nn.Module] = []
    for _ in range(target - source - 1):
        steps += [_conv(channels[source], channels[source], 3, 2), nn.ReLU()]
    return nn.Sequential(*steps, _conv(channels[source], channels[target], 3, 2))


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs))
