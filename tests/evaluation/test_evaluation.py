"""The evaluation itself: worlds repeat, labels are scored as they say, and lost days are no key's business."""

from __future__ import annotations

import pytest

from tests.evaluation.detect import detect
from tests.evaluation.labels import ANSWERS, Label
from tests.evaluation.score import Incident, Score, answers, incidents_of, touches
from tests.evaluation.world import World, world_of

SEED = 1


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(SEED)


@pytest.fixture(scope="module")
def incidents(world: World) -> list[Incident]:
    with detect(world.tables, world.as_of) as session:
        return incidents_of(session, world)


def spend(first: int, last: int, key: str = "key_1", direction: str = "spike") -> Incident:
    return Incident("key", "gateway", key, "", ("daily_spend",), direction, first, last)


def test_a_seed_always_gives_the_same_world(world: World) -> None:
    again = world_of(SEED)
    assert again.labels == world.labels
    assert all(again.tables[name].equals(frame) for name, frame in world.tables.items())


def test_every_planted_kind_has_a_detector_that_may_answer(world: World) -> None:
    assert {label.kind for label in world.labels} <= set(ANSWERS)


def test_most_of_a_tuning_world_is_found(world: World, incidents: list[Incident]) -> None:
    score = Score()
    score.add(world, incidents)
    assert score.recall() >= 0.85
    assert score.precision() >= 0.85


def test_a_lost_day_is_the_sources_incident_and_no_keys_drop(world: World, incidents: list[Incident]) -> None:
    lost = [label for label in world.labels if label.kind in ("missing_day", "missing_hours")]
    assert lost
    for label in lost:
        assert any(answers(incident, label) for incident in incidents)
        assert not [
            incident
            for incident in incidents
            if incident.source == label.source
            and incident.subject_type == "key"
            and incident.direction == "drop"
            and incident.first == label.first
        ]


def test_an_incident_counts_for_its_key_and_its_days_alone() -> None:
    label = Label("spike", 50, 52, "gateway", "key_1")
    assert touches(spend(52, 52), label)
    assert touches(spend(55, 55), label), "three days later still counts"
    assert not touches(spend(56, 56), label)
    assert not touches(spend(49, 49), label)
    assert not touches(spend(51, 51, key="key_2"), label)


def test_a_drop_is_found_by_what_went_down_alone() -> None:
    label = Label("drop", 50, 50, "gateway", "key_1")
    assert answers(spend(50, 50, direction="drop"), label)
    assert not answers(spend(50, 50, direction="spike"), label)


def test_a_launch_may_be_told_once(world: World) -> None:
    """Two incidents in one launch: the first is right to tell, the second is false."""
    quiet = World(0, world.first_date, {}, [], [Label("launch", 50, 70, "gateway", "key_1")], [], world.keys)
    score = Score()
    score.add(quiet, [spend(50, 51), spend(65, 66)])
    assert score.false_spend == 1
