"""Streams: policies become gates, videos are watched, outputs are returned under their ONNX names."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engine.cases import frames, grey_pixels, small_networks
from skipvid.engine import create_executor, native_reason
from skipvid.engine.stream import FIRST, Stream
from skipvid.errors import GraphError, UsageError
from skipvid.gates.care import Care
from skipvid.gates.norms import InputNorm
from skipvid.gates.options import NOISE_MOST
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.safety import MOVING, SCENE_CUT, Safety
from skipvid.gates.settings import Hysteresis, Rect
from skipvid.plan import Plan, Tail

NETWORKS = small_networks()
PLAN = NETWORKS["residual_block"]


def stream(plan: Plan = PLAN, policy: Policy | None = None, **options: object) -> Stream:
    options = {"engine": "reference", "safety": None, **options}
    return Stream(plan, policy, **options)  # type: ignore[arg-type]


def with_tail(plan: Plan, model: bytes | None = None) -> Plan:
    """The plan with its map ``head`` decoded by an ONNX model into ``flat``, beside the map itself."""
    spec = plan.tensors["head"]
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["head", "shape"], ["flat"])],
        "tail",
        [helper.make_tensor_value_info("head", TensorProto.FLOAT, [1, spec.channels, spec.height, spec.width])],
        [helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, spec.channels, spec.pixels])],
        [helper.make_tensor("shape", TensorProto.INT64, [3], [1, spec.channels, spec.pixels])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(made)
    tail = Tail(("head",), ("flat",), model or made.SerializeToString(), ("Reshape",))
    return Plan(plan.input, plan.tensors, plan.ops, {"again": "head"}, tail, ("flat", "again"), plan.gates, plan.sha256)


def picture(seed: int = 0) -> np.ndarray:
    """A textured image of the input size of ``PLAN``."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 11, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(4, 0).repeat(4, 1))


def test_counts_of_a_frame_add_up() -> None:
    s = stream()
    first, second = frames(PLAN, 1, (0.02,))
    s.step(first)
    assert s.last.refresh == FIRST
    assert s.last.macs == s.last.dense_macs == PLAN.dense_macs
    assert set(s.last.update_rate.values()) == {1.0}
    assert s.changed
    s.step(second)
    assert s.last.frame == 1
    assert s.last.refresh is None
    expected = sum(PLAN.op_macs[op.name] * s.last.update_rate[op.name] for op in PLAN.ops)
    assert s.last.macs == pytest.approx(expected)
    assert 0 < s.last.share < 1
    s.step(second)
    assert s.last.macs == 0
    assert not s.changed


def test_last_is_an_error_before_the_first_frame() -> None:
    with pytest.raises(RuntimeError, match="not seen a frame"):
        _ = stream().last


def test_outputs_come_in_the_graphs_order_and_shapes_and_only_when_changed() -> None:
    s = stream(with_tail(PLAN))
    first, second = frames(PLAN, 1, (0.3,))
    out = s.step(first)
    spec = PLAN.tensors["head"]
    assert list(out) == ["flat", "again"]
    assert out["again"].shape == (1, spec.channels, spec.height, spec.width)
    np.testing.assert_array_equal(out["flat"], out["again"].reshape(1, spec.channels, -1))
    assert s.last.ms["tail"] > 0
    np.testing.assert_array_equal(out["again"][0], s.executor.tensor("head").transpose(2, 0, 1))
    copies = {name: array.copy() for name, array in out.items()}
    same = s.step(first)
    assert all(same[name] is out[name] for name in out)
    assert s.last.ms["tail"] == 0
    later = s.step(second)
    assert all(later[name] is not out[name] for name in out)
    for name, array in out.items():
        np.testing.assert_array_equal(array, copies[name])
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_change_is_not_lost_while_nobody_asks_for_outputs() -> None:
    s, fresh = stream(with_tail(PLAN), pixels=grey_pixels()), stream(with_tail(PLAN), pixels=grey_pixels())
    image = picture()
    s.step_image(image)
    s.outputs()
    s.step_image(picture(1))
    s.step_image(picture(1))
    fresh.step_image(picture(1))
    for name, array in fresh.outputs().items():
        np.testing.assert_array_equal(s.outputs()[name], array)


def test_a_damaged_tail_is_explained() -> None:
    with pytest.raises(GraphError, match="ONNX Runtime cannot run the part that produces flat"):
        stream(with_tail(PLAN, b"no model")).step(frames(PLAN, 0, ())[0])


def test_relative_thresholds_wait_for_the_first_frame_that_shows_something() -> None:
    policy = Truncation(threshold=0.2, input_noise=1.0)
    s = stream(policy=policy, pixels=grey_pixels())
    for i in range(4):
        assert s.calibrating
        assert s.settings.layers == {}
        s.step_image(picture() if i == 3 else np.zeros((36, 44, 3), np.uint8))
        assert s.last.calibrating
    assert not s.calibrating
    gates = {g.tensor for g in PLAN.gates if g.name != "input"}
    assert set(s.settings.layers) == gates
    assert set(s.scales) == {g.name for g in PLAN.gates}
    assert s.settings.layers["stem"].threshold == pytest.approx(0.2 * s.scales["stem"])
    assert s.settings.input.threshold == 0
    s.step_image(picture(99))
    assert not s.last.calibrating
    assert s.settings.input.threshold == min(s.scales["input"], NOISE_MOST) > 0


def test_the_noise_of_tensors_is_told_in_grey_levels_like_that_of_images() -> None:
    pixels = grey_pixels()
    by_image, by_tensor = (stream(policy=Truncation(threshold=0.2, input_noise=1.0), pixels=pixels) for _ in range(2))
    for i in range(10):
        image = picture(i)
        by_image.step_image(image)
        by_tensor.step(np.stack([pixels.table[c][image[..., k]] for c, k in enumerate(pixels.order)])[None])
    assert by_tensor.scales["input"] == pytest.approx(by_image.scales["input"], rel=1e-4)


def test_known_scales_need_no_calibration() -> None:
    scales = {g.name: 2.0 for g in PLAN.gates}
    s = stream(policy=Truncation(threshold=0.25, input_noise=1.5), scales=scales)
    assert not s.calibrating
    assert s.settings.input.threshold == 3.0
    assert s.settings.layers["stem"].threshold == 0.5


def test_thresholds_save_work_on_noise() -> None:
    policy = Truncation(threshold=0.0, input_threshold=3.0, input_noise=0.0)
    exact, gated = stream(pixels=grey_pixels()), stream(policy=policy, pixels=grey_pixels())
    rng = np.random.default_rng(0)
    for _ in range(3):
        noisy = (picture().astype(int) + rng.integers(-1, 2, (36, 44, 3))).clip(0, 255).astype(np.uint8)
        exact.step_image(noisy)
        gated.step_image(noisy)
    assert exact.last.share > 0.9
    assert gated.last.macs == 0


def test_ignored_rectangles_reach_the_gate_with_and_without_a_policy() -> None:
    everything = (Rect(0, 0, 44, 36),)
    for policy in (None, Truncation(0.0, input_noise=0.0)):
        s = stream(policy=policy, pixels=grey_pixels(), ignore=everything)
        s.step_image(picture())
        s.step_image(picture(1))
        assert s.last.macs == 0


def test_a_scene_cut_recomputes_everything_and_a_request_names_its_reason() -> None:
    s = Stream(PLAN, engine="reference", pixels=grey_pixels())
    s.step_image(picture())
    s.step_image(picture())
    assert s.last.macs == 0
    s.step_image(picture(5))
    assert s.last.refresh == SCENE_CUT
    assert s.last.share == 1
    s.refresh("seek")
    s.step_image(picture(5))
    assert s.last.refresh == "seek"
    assert s.last.share == 1
    s.step_image(picture(5))
    assert s.last.refresh is None


def test_a_moving_camera_is_said_once_and_skipping_resumes() -> None:
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (9, 200, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    s = Stream(PLAN, engine="reference", pixels=grey_pixels(), safety=Safety(samples=44, lag=4, probes=2, cut=2.0))
    reasons = []
    for x in (*range(0, 60, 2), *[60] * 20, *range(60, 120, 2)):
        s.step_image(np.ascontiguousarray(wide[:, x : x + 44]))
        reasons.append(s.last.refresh)
    assert MOVING in reasons[10:30]
    assert reasons[49] is None
    assert MOVING in reasons[60:]
    assert len([n for n in s.notices if "moving camera" in n]) == 1


def test_a_reset_stream_equals_a_fresh_one() -> None:
    policy = Truncation(threshold=0.1, input_noise=1.0)
    used, fresh = stream(policy=policy, safety=Safety()), stream(policy=policy, safety=Safety())
    for x in frames(PLAN, 8):
        used.step(x)
    used.reset()
    assert used.calibrating
    for x in frames(PLAN, 9, [0.1] * 12):
        a, b = used.step(x), fresh.step(x)
        assert used.last.refresh == fresh.last.refresh
        assert used.last.macs == fresh.last.macs
        for name in b:
            np.testing.assert_array_equal(a[name], b[name])
    assert used.settings == fresh.settings
    assert used.scales == fresh.scales


def test_two_streams_on_one_plan_do_not_see_each_other() -> None:
    policy = Truncation(threshold=0.1, relative=False, input_noise=0.0)
    alone, mixed, other = (stream(policy=policy) for _ in range(3))
    for x, y in zip(frames(PLAN, 1), frames(PLAN, 2), strict=True):
        want = alone.step(x)
        got = mixed.step(x)
        other.step(y)
        np.testing.assert_array_equal(got["head"], want["head"])
        assert mixed.last.macs == alone.last.macs


def test_heat_is_the_share_of_work_around_each_cell() -> None:
    s = stream()
    first = frames(PLAN, 1, ())[0]
    s.step(first)
    np.testing.assert_allclose(s.heat(9, 11), 1.0, rtol=1e-5)
    s.step(first)
    assert not s.heat(9, 11).any()
    moved = first.copy()
    moved[..., 30:33, 40:43] += 1
    s.step(moved)
    for size in ((9, 11), (36, 44), (100, 50), (7, 5)):
        heat = s.heat(*size)
        assert heat.shape == size
        assert heat.dtype == np.float32
        assert heat.mean() == pytest.approx(s.last.share, rel=1e-3)
        assert heat[-1, -1] > 0.5
        assert heat[0, 0] == 0


def test_step_and_step_image_give_the_same_bits() -> None:
    pixels = grey_pixels()
    a, b = stream(pixels=pixels), stream(pixels=pixels)
    for i in range(3):
        image = picture(i)
        x = np.ascontiguousarray(pixels.table[0][image[..., ::-1]].transpose(2, 0, 1)[None])
        a.step_image(image)
        np.testing.assert_array_equal(a.outputs()["head"], b.step(x)["head"])


def test_engines_are_chosen_by_name() -> None:
    with pytest.raises(UsageError, match="no engine 'gpu'"):
        create_executor(PLAN, "gpu")  # type: ignore[arg-type]
    reason = native_reason()
    if reason is None:
        assert type(create_executor(PLAN)).__name__ == "NativeExecutor"
    else:
        assert type(create_executor(PLAN)).__name__ == "ReferenceExecutor"
        with pytest.raises(UsageError, match="native engine cannot be used"):
            create_executor(PLAN, "native")


REPEATS = (0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 2, 2, 2, 2)


@pytest.mark.parametrize(
    "policy",
    [
        None,
        Truncation(threshold=0.2, input_noise=1.0),
        Truncation(threshold=0.2, input_threshold=2.0, dilation=1, structure=4),
        Truncation(threshold=0.2, input_threshold=9.0, hysteresis=Hysteresis(0.2, 6, 2)),
        Truncation(threshold=0.2, input_threshold=9.0, refresh_every=5),
        InputNorm(0.1),
        InputNorm.paper(0.1),
    ],
)
def test_a_frame_said_to_be_repeated_does_what_it_would_have_done(policy: Truncation | InputNorm | None) -> None:
    rng = np.random.default_rng(0)
    scenes = [
        (picture().astype(int) + rng.integers(-12, 13, (36, 44, 3)) * (k > 0)).clip(0, 255).astype(np.uint8) for k in range(3)
    ]
    plain, told = (Stream(PLAN, policy, engine="reference", pixels=grey_pixels()) for _ in range(2))
    for number, scene in enumerate(REPEATS):
        plain.step_image(scenes[scene])
        told.step_image(scenes[scene], repeated=number > 0 and REPEATS[number - 1] == scene)
        if number == 8:
            plain.refresh("seek")
            told.refresh("seek")
        assert (told.last.frame, told.last.macs, told.last.refresh) == (plain.last.frame, plain.last.macs, plain.last.refresh)
        assert dict(told.last.update_rate) == dict(plain.last.update_rate)
        assert (told.changed, told.settings, told.calibrating) == (plain.changed, plain.settings, plain.calibrating)
        np.testing.assert_array_equal(told.heat(4, 5), plain.heat(4, 5))
        for name, array in plain.outputs().items():
            np.testing.assert_array_equal(told.outputs()[name], array)
    assert dict(told.scales) == dict(plain.scales)


def test_from_its_third_showing_on_a_repeated_frame_is_not_executed() -> None:
    s = stream(safety=Safety(), pixels=grey_pixels())
    executed = []
    for number in range(5):
        s.step_image(picture(), repeated=number > 0)
        executed.append(s.last.ms["network"] > 0)
    assert executed == [True, True, False, False, False]
    s.step_image(picture(1))
    assert s.last.macs > 0
    s.reset()
    s.step_image(picture(1), repeated=True)
    assert s.last.refresh == FIRST


def test_scales_do_not_depend_on_what_runs_as_one_operator() -> None:
    s = stream(policy=InputNorm(0.1), pixels=grey_pixels())
    s.step_image(np.zeros((36, 44, 3), np.uint8))
    assert s.calibrating
    assert set(s.settings.opens) == {op.name for op in PLAN.ops if op.name in InputNorm(0.1).gate_names(PLAN)}
    assert {gate.threshold for gate in s.settings.opens.values()} == {0.0}
    s.step_image(picture())
    assert set(s.settings.opens) <= set(InputNorm(0.1).gate_names(PLAN))
    assert all(gate.threshold > 0 for gate in s.settings.opens.values())


CARE = Care(unsure=0.5, certain=2.0, elsewhere=3.0, hold=2, every=5)
NOTHING = (np.zeros((0, 4)), np.zeros(0))
GATED = InputNorm(0.1, relative=False, input_noise=0.0)


def test_where_nothing_is_found_thresholds_are_coarser_and_what_they_hold_back_is_asked_for_later() -> None:
    s, plain = stream(policy=GATED, care=CARE), stream(policy=GATED)
    first, second = frames(PLAN, 1, (0.2,))
    for t in range(7):
        for each in (s, plain):
            each.step(second if t else first)
            each.saw(*NOTHING)
        if t == 1:
            assert 0 < s.last.macs < plain.last.macs
        elif t == CARE.every:  # nothing moves any more, but thresholds fall all over the picture
            assert s.last.refresh is None
            assert s.last.macs > plain.last.macs == 0
        elif t > 1:
            assert s.last.macs == 0


def test_care_leaves_thresholds_as_they_are_until_the_stream_is_told_what_was_found() -> None:
    s, plain = stream(policy=GATED, care=CARE), stream(policy=GATED)
    for x in frames(PLAN, 1, (0.05, 0.1, 0.02)):
        s.step(x)
        plain.step(x)
        assert s.last.macs == plain.last.macs


def test_the_input_is_finer_around_the_unsure_from_when_something_is_told_and_what_was_asked_for_stays() -> None:
    policy = InputNorm(0.1, relative=False, input_threshold=2.0, input_noise=0.0)
    s = stream(policy=policy, care=CARE, pixels=grey_pixels())
    levels = []
    for _ in range(3):
        s.step_image(picture())
        levels.append((s.settings.input.threshold, s.settings.input.relieved, s.asked.input.threshold))
        s.saw(*NOTHING)
    assert levels == [(2.0, 4.0, 2.0), (1.0, 4.0, 2.0), (1.0, 4.0, 2.0)]
    s.reset()
    assert s.settings.input.threshold == 2.0


def test_a_reset_stream_has_seen_nothing() -> None:
    s, fresh = stream(policy=GATED, care=CARE), stream(policy=GATED, care=CARE)
    for x in frames(PLAN, 2, (0.1,)):
        s.step(x)
        s.saw(*NOTHING)
    s.step(x)
    s.reset()
    for x in frames(PLAN, 1, (0.05, 0.1, 0.02)):
        s.step(x)
        fresh.step(x)
        assert s.last.macs == fresh.last.macs


def test_a_stream_without_care_does_not_mind_what_is_found() -> None:
    s, plain = stream(policy=GATED), stream(policy=GATED)
    for x in frames(PLAN, 1, (0.05, 0.1, 0.02)):
        s.step(x)
        plain.step(x)
        s.saw(*NOTHING)
        assert (s.care, s.last.macs) == (None, plain.last.macs)
