"""Twelve paintings and two outpainters, and how to count what is computed again.

Two more paintings are of a style that is not asked for. `p11` is too small for the super-resolution
data set: what happens to it alone changes no weights.
"""

import shutil

from deepart_assets.orchestration.events import metadata_made_in
from deepart_assets.runs import bring_up_to_date
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.conftest import Project
from deepart_assets_tests.outpainting.comodgan.small import tiny

KEYS = [f"p{number:02}" for number in range(12)]
OTHERS = ["q0", "q1"]
MASK_ON = ["subject_masks", "unfinished_paintings"]
COLUMNS = {name: [f"{name}_outpaintings", f"{name}_upscaled"] for name in ("telea", "inspired")}
SHEETS = ["restoration_sheets"]
CHAIN = ["predicted_masks", *MASK_ON, *COLUMNS["telea"], *COLUMNS["inspired"], *SHEETS]
WHOLE = ["lr_hr_pairs", "psnr_weights", "art_esrgan", "inspired_weights"]


def build_matrix(folder):
    """A project of them in a folder, where nothing is made yet."""
    made = Project(folder)
    sizes = {"p11": (100, 80)}
    lines = ["artist,date,genre,style,title,new_filename"]
    for number, key in enumerate([*KEYS, *OTHERS]):
        made.add_painting(key, number, *sizes.get(key, (200, 160)))
        style = "Realism" if key in KEYS else "Cubism"
        lines.append(f"A{number},{1900 + number},portrait,{style},T{number},{key}.png")
    (made.pictures / "paintings.csv").write_text("\n".join(lines))
    made.content["wikiart"]["sources"]["pictures"]["csv"] = "paintings.csv"
    made.content["styled_paintings"] = {"styles": ["realism"]}
    made.content["restoration"]["evaluated"] = 2
    made.content["outpainters"]["inspired"] = {
        "kind": "artificially_inspired",
        "weights": {"kind": "file", "path": str(save_generator(folder, seed=0))},
    }
    return made


def save_generator(folder, seed):
    """Write weights for the outpainter `inspired`, others for each seed; return the file."""
    file = folder / "generator.safetensors"
    file.write_bytes(to_bytes(tiny(seed=seed).state_dict(), {"stage": "test"}))
    return file


def copy_of(ready, folder):
    """The project of `ready`, with its results and its history, in a folder of its own."""
    for name in ("lake", "dagster"):
        shutil.copytree(ready / name, folder / name, dirs_exist_ok=True)
    made = build_matrix(folder)
    # The very same files: copies would be another source, with other times.
    made.content["wikiart"]["sources"]["pictures"]["path"] = str(ready / "pictures")
    made.content["segmentation"]["segmenter"]["folder"] = str(ready / "segmenter")
    weights = made.content["outpainters"]["inspired"]["weights"]
    weights["path"] = str(ready / "generator.safetensors")
    return made


def restore_all(project, instance, **asked):
    """Do what `deepart restore` does; return whether all went well."""
    return bring_up_to_date(
        instance, profile=str(project.write_profile()), root=str(project.root), **asked
    ).succeeded


def records(project):
    """When each output was made, exactly: a reused one keeps its record."""
    found = {}
    for asset in [*CHAIN, *WHOLE]:
        for key in project.store.keys(asset):
            record = project.store.get(asset, key)
            found[asset, key] = (record.made_at, record.seconds, record.status)
    return found


class Counted:
    """What bringing everything up to date computes after a change.

    An output that was kept aside and came back was not computed.
    """

    def __init__(self, project, instance):
        self.project, self.instance = project, instance
        self.before = records(project)

    def __call__(self, **asked):
        assert restore_all(self.project, self.instance, **asked)
        return self.since()

    def since(self):
        """What was computed since the last count, whoever did it."""
        after = records(self.project)
        changed = {pair for pair in after if self.before.get(pair) != after[pair]}
        self.before |= after
        return changed


def outputs(assets, keys=KEYS):
    return {(asset, key) for asset in assets for key in keys}


def whole(*assets):
    return {(asset, "_whole") for asset in assets}


def last_plan(instance):
    """The metadata of the latest plan."""
    for record in instance.get_run_records(limit=10):
        if made := metadata_made_in(instance, record.dagster_run.run_id, "restoration_plan"):
            return made
    raise AssertionError("there is no plan")
