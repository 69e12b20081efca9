"""Three paintings, one of them bad, for the tests of the engines, and what becomes of them."""

import dagster as dg

KEYS = ["p0", "p1", "p2"]
STEPS = ["predicted_masks", "subject_masks", "unfinished_paintings", "telea_outpaintings"]


def catalogue_three(project, instance) -> None:
    """Catalogue three paintings of which the second is then no picture any more."""
    for name in ("p3", "p4"):
        (project.pictures / f"{name}.png").unlink()
    with project.run("catalogue", instance) as result:
        assert result.success
    project.lake.write("wikiart_paintings/p1.png", b"no picture any more")


def run_on(project, instance, execution, only=STEPS):
    """Run some steps of the job `restore` on all three paintings with an engine."""
    project.content["execution"] = execution
    selection = [dg.AssetKey(step) for step in only]
    return project.run("restore", instance, KEYS, asset_selection=selection)


def check_the_others_went_on(project, result, steps=STEPS) -> None:
    """The bad painting's step has failed, once, and every other step has done the other two."""
    assert events(result, "STEP_FAILURE") == ["predicted_masks"]
    assert "1 of 3 paintings failed" in failure(result)
    assert set(events(result, "STEP_SUCCESS")) == set(steps[1:])
    for step in steps:
        done = [key for key in KEYS if project.store.done(step, key)]
        assert done == ["p0", "p2"], step


def events(result, kind: str) -> list[str]:
    return [event.step_key for event in result.all_events if event.event_type_value == kind]


def failure(result) -> str:
    return "\n".join(
        str(event.event_specific_data.error)
        for event in result.all_events
        if event.event_type_value in ("STEP_FAILURE", "PIPELINE_FAILURE")
    )


def messages(instance, result, step: str) -> str:
    """What was logged in a step, by whatever process."""
    logs = instance.all_logs(result.run_id)
    return "\n".join(entry.user_message for entry in logs if entry.step_key == step)
