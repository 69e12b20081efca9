"""The outputs of a step, computed in threads: in order, each with its own fault, side by side."""

import threading
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.orchestration.batching import Computed, compute_stale
from deepart_assets.orchestration.context import BatchedPrediction, Painting, PaintingStageSpec
from deepart_assets.orchestration.predicting import Failed
from deepart_assets.orchestration.staleness import Delisted, Fresh, Stale
from deepart_assets.orchestration.step_resources import MOST_THREADS, threads_of
from deepart_assets.settings.execution import LocalExecution, RayExecution
from deepart_assets.storage import (
    Lake,
    MaterializationStore,
    Provenance,
    StageResult,
    materialize_if_stale,
)

SECONDS = 20
"""How long one thread waits for another."""
KEYS = st.dictionaries(
    st.integers(0, 99).map(str), st.sampled_from(["stale", "gone", "bad", "unasked", "broken"])
)


@dataclass
class Checker:
    """Says of each painting what the test wants."""

    stage: PaintingStageSpec
    states: dict[str, str] = field(default_factory=dict)

    def is_wanted(self, key):
        return self.states.get(key) != "unasked"

    def status(self, key, records):
        match self.states.get(key, "stale"):
            case "gone":
                return Delisted()
            case "broken":
                raise ValueError(f"{key}: its settings are wrong")
        painting = Painting(key, f"{key}.png", "", {}, None)
        return Stale(painting, Provenance("1"), "new", None)


def make(painting):
    return StageResult({f"made/{painting.id}.txt": painting.id.encode()})


def batched(make, size):
    def predict(items):
        return [item.id for item in items]

    return BatchedPrediction(lambda item: item, predict, lambda one, *_: make(one), size)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    return lambda: MaterializationStore(Lake(tmp_path_factory.mktemp("lake")))


def test_fresh_paintings_wait_for_their_report_without_their_previews(stores):
    store = stores()
    made = partial(StageResult, {"made/p.txt": b"p"}, {"preview": "data:image/png;base64,AAAA"})
    record, _ = materialize_if_stale(store, "made", Provenance("1"), made, key="p")
    checker = Checker(PaintingStageSpec(make), {})
    checker.status = lambda key, records: Fresh(record)
    [(_, outcome)] = compute_stale("made", checker, store, ["p"], 1)
    assert not outcome.record.figures and not outcome.record.provenance
    assert outcome.record.data_version == record.data_version
    assert store.whole(outcome.record) == record


@settings(max_examples=25, deadline=None)
@given(states=KEYS, threads=st.integers(1, 3), size=st.integers(0, 4))
def test_each_painting_has_its_outcome_once(stores, states, threads, size):
    store = stores()

    def some_fail(painting):
        if states[painting.id] == "bad":
            raise ValueError(f"{painting.id} is damaged")
        return make(painting)

    stage = PaintingStageSpec(batched(some_fail, size) if size else some_fail)
    checker = Checker(stage, states)
    found = list(compute_stale("made", checker, store, list(states), threads))
    assert sorted(key for key, _ in found) == sorted(states)
    computed = [key for key, state in states.items() if state in ("stale", "bad")]
    assert [key for key, _ in found if key in computed] == computed
    others = [key for key in states if key not in computed]
    assert [key for key, _ in found if key in others] == others
    for key, outcome in found:
        record = store.get("made", key)
        match states[key]:
            case "stale":
                assert isinstance(outcome, Computed) and outcome.is_new
                assert outcome.record == record
                assert store.read(record) == key.encode()
            case "bad":
                assert isinstance(outcome, Failed) and str(outcome.error) == f"{key} is damaged"
                assert record.status == "failed"
            case "broken":
                assert isinstance(outcome, Failed) and record is None
            case "gone":
                assert outcome == Delisted() and record is None
            case "unasked":
                assert outcome is None and record is None


def test_several_paintings_are_computed_side_by_side(stores):
    together = threading.Barrier(2, timeout=SECONDS)

    def meet(painting):
        together.wait()
        return make(painting)

    found = compute_stale("made", Checker(PaintingStageSpec(meet)), stores(), list("abcd"), 2)
    assert all(isinstance(outcome, Computed) for _, outcome in found)


def test_one_thread_computes_one_painting_at_a_time(stores):
    alone = threading.Lock()

    def make_alone(painting):
        assert alone.acquire(blocking=False)
        try:
            return make(painting)
        finally:
            alone.release()

    stage = PaintingStageSpec(make_alone)
    found = compute_stale("made", Checker(stage), stores(), list("abcdef"), 1)
    assert all(isinstance(outcome, Computed) for _, outcome in found)


def test_a_batch_is_finished_while_the_next_is_predicted(stores):
    predicted, begun = [], threading.Event()

    def predict(items):
        predicted.append([item.id for item in items])
        if len(predicted) == 2:
            begun.set()
        return items

    def finish(painting, *_):
        if painting.id == "b":
            assert begun.wait(SECONDS), "the next batch waits for this one to be finished"
        return make(painting)

    stage = PaintingStageSpec(BatchedPrediction(lambda item: item, predict, finish, 2))
    found = list(compute_stale("made", Checker(stage), stores(), list("abcdef"), 2))
    assert [key for key, _ in found] == list("abcdef")
    assert all(isinstance(outcome, Computed) for _, outcome in found)
    assert predicted == [["a", "b"], ["c", "d"], ["e", "f"]]


def test_a_painting_is_read_while_the_one_before_is_predicted(stores):
    read = threading.Event()

    def note(painting):
        if painting.id == "b":
            read.set()
        return painting

    def predict(items):
        assert read.wait(SECONDS), "the next painting waits for this one to be predicted"
        return items

    stage = PaintingStageSpec(BatchedPrediction(note, predict, lambda one, *_: make(one), 1))
    found = list(compute_stale("made", Checker(stage), stores(), list("abc"), 2))
    assert all(isinstance(outcome, Computed) for _, outcome in found)


def test_no_more_is_begun_than_the_threads_can_take(stores):
    begun = []

    def note(painting):
        begun.append(painting.id)
        return make(painting)

    outcomes = compute_stale(
        "made", Checker(PaintingStageSpec(note)), stores(), [str(n) for n in range(50)], 2
    )
    next(outcomes)
    outcomes.close()
    assert len(begun) <= 2


def test_steps_that_run_at_once_share_the_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert threads_of(LocalExecution(), "made", None) == MOST_THREADS
    assert threads_of(LocalExecution(processes=2), "made", "gpu") == 3
    assert threads_of(LocalExecution(processes=9), "made", None) == 1


def test_a_step_of_a_cluster_takes_the_cores_that_it_is_given():
    ray = RayExecution.model_validate(
        {"kind": "ray", "steps": {"made": {"cpus": 3}, "small": {"cpus": 0.5}}}
    )
    assert threads_of(ray, "made", None) == 3
    assert threads_of(ray, "small", None) == 1
    assert threads_of(ray, "other", "gpu") == 2
