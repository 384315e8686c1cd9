"""The cache of plans: quicker, never different, never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import onnx
import pytest

from skipvid.errors import GraphError
from skipvid.graph import load_plan
from skipvid.models import plans
from skipvid.models.loading import load
from skipvid.models.network import Network
from skipvid.models.plans import PlanCache
from skipvid.models.store import Store
from tests.models.test_model import write_network
from tests.plan.test_stored import assert_same


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return write_network(tmp_path / "net.onnx", names="{0: 'cat'}")


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / "plans")


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.suffix for path in (tmp_path / "plans").glob("*"))


def unreadable(*_args: object) -> NoReturn:
    message = "the file was read"
    raise AssertionError(message)


def test_a_kept_plan_is_the_plan_and_the_file_is_not_read(net: Path, cache: PlanCache, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Network(net, cache)
    plan = made.plan((64, 96))
    assert_same(plan, load_plan(net, (64, 96)))
    monkeypatch.setattr("skipvid.graph.loader._parse", unreadable)
    again = Network(net, cache)
    assert again.facts == made.facts
    assert again.facts.declared == (32, 32)
    assert again.facts.metadata == {"names": "{0: 'cat'}"}
    assert_same(again.plan((64, 96)), plan)
    with pytest.raises(AssertionError, match="was read"):
        again.plan((32, 32))  # another size is another plan


def test_models_find_the_same_with_a_kept_plan(tmp_path: Path, net: Path) -> None:
    store = Store(tmp_path / "cache")
    frame = np.random.default_rng(1).integers(0, 255, (128, 192, 3), np.uint8)
    found = []
    for _ in range(2):
        model = load(net, imgsz=(64, 96), head="centernet", store=store)
        found.append([(d.box, d.score) for d in model.detect(model.stream("exact", engine="reference"), frame, conf=0.01)])
    assert found[0]
    assert found[0] == found[1]


def test_a_run_with_a_kept_plan_never_loads_onnx(tmp_path: Path, net: Path) -> None:
    code = "import sys, skipvid; skipvid.load(sys.argv[1]); sys.exit('onnx' in sys.modules)"
    env = {**os.environ, "SKIPVID_CACHE": str(tmp_path / "cache")}
    done = [subprocess.run([sys.executable, "-c", code, str(net)], env=env, check=False).returncode for _ in range(2)]
    assert done == [1, 0]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "facts"])
def test_damage_is_mended_without_a_word(tmp_path: Path, net: Path, cache: PlanCache, damage: str) -> None:
    plan = Network(net, cache).plan((32, 32))
    (path,) = (tmp_path / "plans").glob("*.json" if damage == "facts" else "*.plan")
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes({"cut": data[:middle], "flip": flipped, "empty": b"", "facts": b"{"}[damage])
    assert_same(Network(net, cache).plan((32, 32)), plan)
    assert path.read_bytes() == data


def test_another_file_in_its_place_is_another_model(net: Path, cache: PlanCache) -> None:
    first = Network(net, cache).plan((32, 32))
    write_network(net, weight=0.02)
    second = Network(net, cache).plan((32, 32))
    assert_same(second, load_plan(net, (32, 32)))
    assert second.sha256 != first.sha256


def test_plans_that_other_sources_made_are_not_used(net: Path, cache: PlanCache, monkeypatch: pytest.MonkeyPatch) -> None:
    Network(net, cache).plan((32, 32))
    monkeypatch.setattr(plans, "_stamp", lambda: "another")
    monkeypatch.setattr("skipvid.graph.loader._parse", unreadable)
    with pytest.raises(AssertionError, match="was read"):
        Network(net, cache)


def test_weights_beside_the_file_are_no_part_of_its_digest(tmp_path: Path, net: Path, cache: PlanCache) -> None:
    model = onnx.load(net)
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, net)
    first = Network(net, cache).plan((32, 32))
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[3] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)
    second = Network(net, cache).plan((32, 32))
    assert kept(tmp_path) == []
    with pytest.raises(AssertionError):
        assert_same(first, second)


def test_a_full_disk_or_a_folder_of_others_is_no_trouble(tmp_path: Path, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    expected = load_plan(net, (32, 32))
    assert_same(Network(net, PlanCache(tmp_path / "file")).plan((32, 32)), expected)

    def full(_self: Path, _data: bytes) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert_same(Network(net, PlanCache(tmp_path / "plans")).plan((32, 32)), expected)
    assert kept(tmp_path) == []


def test_the_plan_used_longest_ago_makes_room(
    tmp_path: Path, net: Path, cache: PlanCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "_MOST_PLANS", 2)
    sizes = [(32, 32), (32, 64), (64, 32)]
    for k, size in enumerate(sizes[:2]):
        Network(net, cache).plan(size)
        for path in (tmp_path / "plans").glob("*.plan"):
            if f"{size[0]}x{size[1]}" in path.name:
                os.utime(path, (k, k))
    Network(net, cache).plan(sizes[0])  # used again: the second is now the older one
    Network(net, cache).plan(sizes[2])
    names = sorted(path.name.split(".")[-2] for path in (tmp_path / "plans").glob("*.plan"))
    assert names == ["32x32", "64x32"]
    assert_same(Network(net, cache).plan(sizes[1]), load_plan(net, sizes[1]))


def test_what_a_killed_process_left_goes_as_the_oldest_does(
    tmp_path: Path, net: Path, cache: PlanCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "_MOST_PLANS", 1)
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "0123.abcd.32x32.plan.77.part").write_bytes(b"half")
    Network(net, cache).plan((32, 32))
    assert kept(tmp_path) == [".json", ".plan"]


def test_no_file_is_said_by_who_reads_it(tmp_path: Path, cache: PlanCache) -> None:
    with pytest.raises(GraphError, match="does not exist"):
        Network(tmp_path / "nowhere.onnx", cache)
