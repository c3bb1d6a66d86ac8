"""`make evaluate`: the detectors against worlds whose events are known.

Thresholds were chosen on the TUNING seeds. The held-out seeds were never looked at while choosing; run them to report.
"""

from __future__ import annotations

import argparse
import time

from tests.evaluation.detect import detect
from tests.evaluation.nab import NAB, nyc_taxi
from tests.evaluation.score import Score, incidents_of, table
from tests.evaluation.world import world_of

TUNING = range(1, 61)
HELD_OUT = range(5001, 5049)


def evaluate(seeds: list[int]) -> Score:
    """Score all worlds of these seeds."""
    score = Score()
    for seed in seeds:
        world = world_of(seed)
        with detect(world.tables, world.as_of) as session:
            score.add(world, incidents_of(session, world))
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="*", type=int, help="these worlds instead")
    parser.add_argument("--tuning", action="store_true", help="the worlds thresholds were chosen on")
    parser.add_argument("--show", action="store_true", help="name what was missed and what was wrong")
    stated = parser.parse_args()
    seeds = list(stated.seeds or (TUNING if stated.tuning else HELD_OUT))
    started = time.monotonic()
    score = evaluate(seeds)
    print(f"{len(seeds)} worlds, seeds {min(seeds)} to {max(seeds)}, {time.monotonic() - started:.0f} s\n")
    print(table(score))
    if NAB.exists():
        found, windows, outside = nyc_taxi()
        print(f"NAB nyc_taxi by day: {found} of {windows} windows found, {outside} incidents outside")
    if stated.show:
        for seed, label in sorted(score.missed, key=lambda row: row[1].kind):
            print("missed", seed, label)
        for seed, incident, shape in score.wrong:
            print("wrong", seed, shape, incident)


if __name__ == "__main__":
    main()
