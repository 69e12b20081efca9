"""Paintings are put together into runs over neighbouring partitions."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from deepart_assets.orchestration.partitions import partition_ranges
from deepart_assets.orchestration.planner import restore_runs
from deepart_assets.orchestration.tags import MOST_BYTES, wanted_keys

ORDER = [f"p{number}" for number in range(30)]


@given(st.sets(st.sampled_from([*ORDER, "elsewhere"])), st.integers(0, 8), st.integers(1, 12))
def test_each_wanted_painting_is_in_one_run_that_is_short_and_begins_and_ends_with_one(
    wanted, gap, most
):
    runs = partition_ranges(sorted(wanted), ORDER, max_gap=gap, max_size=most)
    made = [key for run in runs for key in run]
    assert len(set(made)) == len(made)
    assert set(made) >= wanted & set(ORDER)
    assert made == sorted(made, key=ORDER.index)
    for run in runs:
        first = ORDER.index(run[0])
        assert run == ORDER[first : first + len(run)], "neighbouring partitions"
        assert len(run) <= most
        assert run[0] in wanted and run[-1] in wanted
        between = "".join("x" if key in wanted else "." for key in run)
        assert max(map(len, between.split("x"))) <= gap


@given(st.sets(st.sampled_from(ORDER)), st.integers(0, 8), st.integers(1, 12))
def test_two_runs_could_not_have_been_one(wanted, gap, most):
    runs = partition_ranges(sorted(wanted), ORDER, max_gap=gap, max_size=most)
    for run, following in itertools.pairwise(runs):
        apart = ORDER.index(following[0]) - ORDER.index(run[-1]) - 1
        would_be = ORDER.index(following[0]) - ORDER.index(run[0]) + 1
        assert apart > gap or would_be > most


LONG = [f"{'é' * (number % 200)}{number}" for number in range(600)]


@given(st.sets(st.sampled_from(LONG)), st.booleans())
def test_what_runs_over_ranges_are_about_is_in_tags_that_an_index_takes(wanted, all_):
    ranges = [LONG[:400], LONG[400:]]
    only = LONG if all_ else wanted
    runs = restore_runs(ranges, {}, only=only)
    assert [run.job for run in runs] == ["restore_part", "restore"]
    about = [wanted_keys(run.tags, run.keys) for run in runs]
    assert list(itertools.chain(*about)) == [key for key in LONG if key in only]
    assert all(len(text.encode()) <= MOST_BYTES for run in runs for text in run.tags.values())
