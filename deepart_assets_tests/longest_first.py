"""The order of the slow tests: what takes longest starts first, so that no process ends late."""

import pytest

LONGEST = [
    "test_killed_runs.py",
    "test_cli.py",
    "test_browser.py",
    "test_pretrained_profile.py",
    "test_ray.py",
    "test_daemon.py",
    "test_launch.py",
    "test_matrix.py",
    "test_matrix_code.py",
    "test_evaluation_asset.py",
    "test_subject_texts.py",
    "test_ui.py",
    "test_backfills.py",
    "test_upscaling_memory.py",
    "test_choices.py",
    "test_dram.py",
    "test_bucket.py",
    "test_subject_segmenter.py",
    "test_bad_restoration_input.py",
    "test_grounds.py",
    "test_restore_sensors.py",
]
"""Files whose slow tests take more than a minute, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow tests of these files first; the order is the same in every process."""
    places = {name: place for place, name in enumerate(LONGEST)}

    def place(item: pytest.Item) -> int:
        slow = item.get_closest_marker("slow") is not None
        return places.get(item.path.name, len(places)) if slow else len(places)

    items.sort(key=place)
