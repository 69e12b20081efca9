"""A text that says what the subject is reaches its painting, and changes no other."""

import dagster as dg
import pytest

from deepart_assets_tests.conftest import draw_painting, made_once
from deepart_assets_tests.orchestration.test_staleness import KEYS, stale
from deepart_assets_tests.segmentation.text_models import save_detector, save_sam

MASKS = ["predicted_masks", "subject_masks"]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    def make(folder):
        save_detector(folder / "detector")
        save_sam(folder / "sam2")

    return made_once(tmp_path_factory, "text_models", make)


@pytest.fixture
def listed(project, instance):
    """The project with its list of paintings; nothing is restored yet."""
    with project.run("catalogue", instance) as result:
        assert result.success
    return project


@pytest.fixture
def described(listed, models):
    """The same with a segmenter that reads texts."""
    listed.content["segmentation"]["segmenter"] = {
        "kind": "described",
        "text": "the woman",
        "model": str(models / "sam2"),
        "detector": str(models / "detector"),
        "score": 0.1,
        "mask_score": 0,
    }
    return listed


def restore(project, instance, selection=MASKS, keys=None):
    chosen = [dg.AssetKey(name) for name in selection]
    with project.run("restore", instance, keys, asset_selection=chosen) as result:
        return result.success


def texts(project):
    """The text that each painting's prediction was made with."""
    return {key: project.store.get("predicted_masks", key).figures["text"] for key in KEYS}


def made(project):
    return {
        (asset, key): project.store.get(asset, key)  # whole: `made_at` has seconds alone
        for asset in MASKS
        for key in project.store.keys(asset)
    }


def changed(project, before):
    return {key for (_, key), now in made(project).items() if before.get((_, key)) != now}


@pytest.mark.slow
def test_each_text_concerns_its_painting_alone(described, instance):
    assert restore(described, instance)
    assert texts(described) == dict.fromkeys(KEYS, "the woman")
    record = described.store.get("predicted_masks", "p1")
    assert set(record.figures["classes"]) <= {"background", "the woman"}
    without = record.data_version

    before = made(described)
    described.lake.write("masks/p1.txt", b"the woman; a dog")
    assert restore(described, instance)
    assert changed(described, before) == {"p1"}
    record = described.store.get("predicted_masks", "p1")
    assert record.figures["text"] == "the woman; a dog" and record.data_version != without
    assert described.store.get("subject_masks", "p1").provenance["inputs"]["predicted_masks"] == (
        record.data_version
    )

    before = made(described)
    described.lake.write("masks/p1.txt", b"a ship")
    assert restore(described, instance) and changed(described, before) == {"p1"}

    # The profile's text concerns all that have none of their own.
    before = made(described)
    described.content["segmentation"]["segmenter"]["text"] = "the child"
    assert restore(described, instance)
    assert changed(described, before) == set(KEYS) - {"p1"}
    assert texts(described) == {**dict.fromkeys(KEYS, "the child"), "p1": "a ship"}

    before = made(described)
    described.lake.remove("masks/p1.txt")
    assert restore(described, instance) and changed(described, before) == {"p1"}
    assert texts(described)["p1"] == "the child"


@pytest.mark.slow
def test_bad_files_fail_their_paintings_alone(described, instance):
    bad = {"p0": b"", "p1": b"\xff\xfet\0", "p2": b"dog " * 200, "p3": b"dog " * 60}
    for key, data in bad.items():
        described.lake.write(f"masks/{key}.txt", data)
    assert not restore(described, instance)
    reasons = {key: described.store.get("predicted_masks", key).reason for key in KEYS}
    assert "masks/p0.txt names nothing: write what the subject is" in reasons["p0"]
    assert "masks/p1.txt is not a text in UTF-8" in reasons["p1"]
    assert "masks/p2.txt has 799 characters, more than 300" in reasons["p2"]
    assert "63 parts of words, more than the 32" in reasons["p3"]
    assert reasons["p4"] is None and described.store.get("subject_masks", "p4").status == "done"
    described.lake.write("masks/p0.txt", b"the dog")
    assert restore(described, instance, keys=["p0"])
    assert described.store.get("predicted_masks", "p0").figures["text"] == "the dog"


@pytest.mark.slow
def test_what_matches_nothing_has_a_verdict_that_quotes_the_text(described, instance):
    described.content["segmentation"]["segmenter"]["mask_score"] = 0.99
    described.lake.write("masks/p1.txt", b"a ship")
    selection = [*MASKS, "unfinished_paintings"]
    assert restore(described, instance, selection, ["p1"])
    record = described.store.get("unfinished_paintings", "p1")
    assert record.status == "skipped"
    assert "nothing in the painting matches the text 'a ship'" in record.reason
    # Another text that matches nothing gives the same empty mask, and another reason.
    described.lake.write("masks/p1.txt", b"a dog")
    assert restore(described, instance, selection, ["p1"])
    assert "'a dog'" in described.store.get("unfinished_paintings", "p1").reason


def csv(project, **subjects):
    lines = ["new_filename,artist,subject", *(f"{name}.png,x,{t}" for name, t in subjects.items())]
    (project.inbox / "paintings.csv").write_text("\n".join(lines))


@pytest.mark.slow
def test_a_column_of_the_inbox_says_what_the_subject_is(described, instance):
    from PIL import Image

    described.inbox.mkdir(exist_ok=True)
    for seed, name in enumerate(("one", "two", "three")):
        Image.fromarray(draw_painting(10 + seed)).save(described.inbox / f"{name}.png")
    csv(described, one="a dog", two="", three="…")
    with described.run("take_in", instance) as result:
        assert result.success
    keys = ["one", "two", "three", "p0"]
    assert not restore(described, instance)
    record = {key: described.store.get("predicted_masks", key) for key in keys}
    assert "the column subject of three in its CSV names nothing" in record["three"].reason
    found = {key: record[key].figures.get("text") for key in keys if key != "three"}
    assert found == {"one": "a dog", "two": "the woman", "p0": "the woman"}

    before = made(described)
    csv(described, one="a dog", two="the child", three="a ship")
    with described.run("take_in", instance) as result:
        assert result.success
    assert restore(described, instance)
    assert changed(described, before) == {"two", "three"}
    described.lake.write("masks/one.txt", b"the horse")  # takes precedence
    assert restore(described, instance)
    assert described.store.get("predicted_masks", "one").figures["text"] == "the horse"


@pytest.mark.slow
def test_a_text_that_the_segmenter_does_not_read_is_a_warning(listed, instance, capsys):
    done = listed
    assert restore(listed, instance)
    listed.lake.write("masks/p1.txt", b"\xff not even text")
    before, version = made(done), listed.store.get("predicted_masks", "p1").data_version
    with listed.run(
        "restore", instance, asset_selection=[dg.AssetKey(name) for name in MASKS]
    ) as result:
        assert result.success
        [check] = [
            event.asset_check_evaluation_data
            for event in result.all_events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
            and event.asset_check_evaluation_data.check_name == "texts_are_read"
        ]
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    fault = (
        "masks/p1.txt says what the subject is, but the segmenter salient (u2netp) reads no text:"
        " set segmentation.segmenter.kind to described, or remove the text"
    )
    assert fault in check.metadata["faults"].value
    reported = capsys.readouterr()
    assert (reported.out + reported.err).count(fault) == 1
    assert changed(listed, before) == {"p1"}
    assert listed.store.get("predicted_masks", "p1").data_version == version


def stale_masks(project, instance):
    return {pair for pair in stale(project, instance) if pair[0] in MASKS}


def observe(project, instance):
    with project.run("observe_masks", instance) as result:
        assert result.success


@pytest.mark.slow
def test_the_ui_marks_exactly_that_painting(described, instance, capsys):
    described.content["segmentation"]["segmenter"]["text"] = "the woman; the child; a dog; a ship"
    assert restore(described, instance)
    observe(described, instance)
    assert stale_masks(described, instance) == set()
    described.lake.write("masks/p1.txt", b"the horse")
    described.lake.write("masks/p99.txt", b"the horse")
    capsys.readouterr()
    observe(described, instance)
    reported = capsys.readouterr()
    assert (reported.out + reported.err).count("masks/p99.txt belongs to no painting") == 1
    assert "p1.txt" not in reported.out + reported.err
    assert stale_masks(described, instance) == {("predicted_masks", "p1")}
    assert restore(described, instance)
    assert stale_masks(described, instance) == set()
