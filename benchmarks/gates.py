"""Every gate on the same videos: agreement with the dense network, arithmetic and time, as a table.

    python benchmarks/gates.py --model yolox_nano_416.onnx --videos a.mp4 b.mp4 c.mp4 -o docs/gates.md

Times are of the network alone, compared within one run on one machine.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from skipvid.gates.norms import InputNorm, OutputNorm
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.presets import DEFAULT_FAMILY, FAMILIES
from skipvid.gates.settings import Norm, Reference
from skipvid.models.gating import gating
from skipvid.models.loading import load
from skipvid.tune.sampling import successive
from skipvid.tune.trial import Bench, Trial

BEGIN, END = "<!-- table: benchmarks/gates.py -->", "<!-- end of table -->"
LEAD = 24  # frames in front, in which scales and noise are learned


@dataclass(frozen=True)
class Row:
    """A gate of the table, the norm its scales are measured in, and whether it is with the care of its preset."""

    name: str
    policy: Policy
    norm: Norm
    preset: str = ""


def rows() -> Iterator[Row]:
    """The gates, by family."""
    for name in ("high", "balanced", "fast"):
        yield replace(_row(f"{DEFAULT_FAMILY} with care, {name}", FAMILIES[DEFAULT_FAMILY][name]), preset=name)
    for family, presets in FAMILIES.items():
        for name in ("high", "balanced", "fast"):
            yield _row(f"{family}, {name}", presets[name])
    truncation, inputs = FAMILIES[Truncation.TYPE]["balanced"], FAMILIES[InputNorm.TYPE]["balanced"]
    assert isinstance(truncation, Truncation)
    assert isinstance(inputs, InputNorm)
    yield _row("truncation, balanced, blocks of 4", replace(truncation, structure=4))
    yield _row("input-norm, balanced, blocks of 4", replace(inputs, structure=4))
    yield _row("input-norm, balanced, previous frame", replace(inputs, reference=Reference.PREVIOUS_FRAME))
    yield _row("truncation, balanced, refreshed every 60", replace(truncation, refresh_every=60))
    for epsilon in (0.001, 0.01):
        yield _row(f"input-norm of the paper, {epsilon:g}", InputNorm.paper(epsilon))
    for epsilon in (0.00003, 0.0003):
        yield _row(f"output-norm of the paper, {epsilon:g}", OutputNorm.paper(epsilon))


def _row(name: str, policy: Policy) -> Row:
    return Row(name, policy, getattr(policy, "norm", Norm.MAX))


def main() -> None:
    options = _options()
    lines: dict[str, list[str]] = {}
    head = ["gate"]
    for video in options.videos:
        footage = [successive(load(options.model), video, options.frames + LEAD, LEAD)]
        benches: dict[Norm, Bench] = {}
        for row in rows():
            if row.norm not in benches:
                benches[row.norm] = Bench(footage, norm=row.norm)
            care = gating(footage[0].model, row.preset).care if row.preset else None
            trial = benches[row.norm].caring(care).run(row.policy)
            lines.setdefault(row.name, []).append(_cell(trial))
            print(f"{Path(video).name} {row.name}: {lines[row.name][-1]}", flush=True)
        head.append(f"{Path(video).stem} (dense {next(iter(benches.values())).dense_ms:.0f} ms)")
    table = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    table += ["| " + " | ".join([name, *cells]) + " |" for name, cells in lines.items()]
    frames = f"{Path(options.model).stem}, {options.frames} frames of each video in one run"
    note = f"{frames}, {platform.machine()}; `python benchmarks/gates.py`."
    text = "\n".join([*table, "", note])
    if options.out is None:
        print(text)
        return
    before, rest = options.out.read_text("utf-8").split(BEGIN, 1)
    options.out.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}", "utf-8")


def _cell(trial: Trial) -> str:
    main = trial.agreement.main
    return f"{trial.macs:.1%} · {main.ap50:.3f} / {main.ap75:.3f} · {trial.ms:.0f} ms"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", required=True, help="registry name or .onnx file")
    parser.add_argument("--videos", nargs="+", required=True)
    parser.add_argument("--frames", type=int, default=120, help="frames of each video")
    parser.add_argument("--out", "-o", type=Path, help="page whose table is replaced; default: print it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
