"""What is collected of a training: means, the iterations to report, panels."""

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.training_curve import TrainingCurve, panels_of


def test_a_loss_is_averaged_over_the_iterations_that_had_it():
    curve = TrainingCurve(4)
    for losses in ({"l_d": 1.0}, {"l_d": 2.0}, {"l_d": 3.0, "l_g_pix": 5.0}):
        curve.note({name: torch.tensor(value) for name, value in losses.items()})
    again = TrainingCurve(4)
    again.restore(curve.state(), 3, torch.device("cpu"))
    for each in (curve, again):
        assert {name: float(value) for name, value in each.means().items()} == {
            "l_d": 2.0,
            "l_g_pix": 5.0,
        }
        each.forget()
        assert each.means() == {}


@given(st.integers(1, 5000), st.integers(1, 200))
def test_reports_are_evenly_spread_and_the_last_is_reported(total, times):
    curve = TrainingCurve(total)
    due = [iteration for iteration in range(1, total + 1) if curve.due(iteration, times)]
    assert due[-1] == total
    assert len(due) <= times + 1
    assert len({b - a for a, b in itertools.pairwise(due[:-1])}) <= 1


def test_seconds_and_interruptions_go_on():
    curve = TrainingCurve(10)
    curve.restore({"rows": [{"iteration": 3}], "sums": {}, "counts": {}, "seconds": 5.0,
                   "resumed": [1]}, 3, torch.device("cpu"))  # fmt: skip
    assert curve.resumed == [1, 3]
    assert curve.seconds >= 5
    assert curve.rate(3) == 0 < curve.rate(4)
    assert curve.state()["rows"] == [{"iteration": 3}]


def test_a_panel_has_the_rows_that_have_its_figure():
    rows = [{"iteration": 1, "a": 2.0, "b": None}, {"iteration": 5, "b": 3.0, "c": None}]
    assert panels_of(rows) == {"a": {"a": ([1], [2.0])}, "b": {"b": ([5], [3.0])}}
