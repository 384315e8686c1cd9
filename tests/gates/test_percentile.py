"""The package's own percentile is NumPy's, and loads nothing for it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from skipvid.gates.percentile import percentile


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("share", [0, 2, 25, 61.8, 98, 99, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 256])
def test_it_is_that_of_numpy(kind: type, share: float, count: int) -> None:
    values = np.random.default_rng(count).integers(0, 256, (3, 4, count)).astype(kind)
    np.testing.assert_allclose(percentile(values, share), np.percentile(values, share, axis=-1), rtol=1e-6)


def test_watching_a_video_for_noise_does_not_load_masked_arrays() -> None:
    code = (
        "import sys, numpy as np; from skipvid.gates.noise import NoiseMeter; from skipvid.gates.picture import is_uniform\n"
        "images = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3)).astype(np.uint8); meter = NoiseMeter()\n"
        "is_uniform(images[0]); meter.add(images[0]); meter.add(images[1]); assert meter.level > 0\n"
        "sys.exit('numpy.ma' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
