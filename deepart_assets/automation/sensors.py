"""The sensors: on the inbox and the curator's masks, on the list and the plan, on ended runs.

Every run carries the tag `deepart/reason` and is requested once: its run key names what it follows
from.
"""

from collections.abc import Sequence

import dagster as dg

from deepart_assets.asset_names import WIKIART_PAINTINGS
from deepart_assets.assets.choices import CURATOR_CHOICES
from deepart_assets.assets.subject_texts import SUBJECT_TEXTS
from deepart_assets.assets.subjects import CURATED_MASKS
from deepart_assets.automation.restore_sensors import (
    Jobs,
    evaluate_when_idle,
    named,
    restore_new_paintings,
    restore_what_is_stale,
)
from deepart_assets.curation import CHOICES, REQUESTS
from deepart_assets.imaging.containers import is_whole_png
from deepart_assets.orchestration.folder_sensors import Stamps, folder_sensor
from deepart_assets.orchestration.notifications import notification_sensors
from deepart_assets.orchestration.partitions import painting_keys
from deepart_assets.orchestration.planner import (
    RESTORE,
    RESTORE_PART,
    PlannedRun,
    ranges_of,
    restore_runs,
)
from deepart_assets.orchestration.resources import Profile
from deepart_assets.orchestration.tags import AUTOMATED, PRIORITY, REASON, only_tags
from deepart_assets.settings.automation import Automation
from deepart_assets.wikiart.naming import shown
from deepart_assets.wikiart.painting_folder import by_folded_id
from deepart_assets.wikiart.sources import open_inbox
from deepart_assets.wikiart.sources.base import README
from deepart_assets.wikiart.sources.inbox import inbox_stamps

RETRIED = {"dagster/max_retries": "2", "dagster/retry_on_asset_or_op_failure": "true"}
"""Tags of a run that is tried again when it fails: a disk or a network may be back."""


def sensors_of(settings: Automation, jobs: Jobs) -> list[dg.SensorDefinition]:
    """Return the sensors.

    Raises:
        SettingsError: The function that `automation.notify` names does not exist.
    """

    def inbox_runs(instance: dg.DagsterInstance, names: Sequence[str]) -> list[PlannedRun]:
        reason = f"the inbox changed: {named(names)}"
        tags = {REASON: reason, AUTOMATED: "true", PRIORITY: "1", **RETRIED}
        # The list of paintings needs the sources' catalogue, too, which a fresh lake lacks.
        is_fresh = instance.get_latest_materialization_event(dg.AssetKey(WIKIART_PAINTINGS)) is None
        return [PlannedRun("catalogue" if is_fresh else "take_in", tags=tags)]

    def masks(profile: Profile) -> Stamps:
        stamps = profile.lake.stamps(CURATED_MASKS.folder)
        return {name: stamp for name, stamp in stamps.items() if name != README}

    def inbox_left_out(profile: Profile, instance: dg.DagsterInstance) -> list[str]:
        source = open_inbox(profile.settings.inbox, profile.lake)
        return [f"{path} {reason}" for path, reason in source.ignored.items()]

    def masks_left_out(profile: Profile, instance: dg.DagsterInstance) -> list[str]:
        keys = set(painting_keys(instance))
        return [
            f"{folder.folder}/{shown(name)} {reason}"
            for folder in (CURATED_MASKS, SUBJECT_TEXTS)
            for name, reason in folder.strays(profile.lake, keys).items()
        ]

    def is_whole_mask(profile: Profile, name: str) -> bool:
        try:
            return is_whole_png(profile.lake.read(f"{CURATED_MASKS.folder}/{name}"))
        except OSError:  # removed meanwhile, or not ours to read: the run will say so
            return False

    def masks_runs(instance: dg.DagsterInstance, names: Sequence[str]) -> list[PlannedRun]:
        folded = by_folded_id(painting_keys(instance))
        found = [CURATED_MASKS.key_of(n, folded) or SUBJECT_TEXTS.key_of(n, folded) for n in names]
        keys = list(dict.fromkeys(key for key in found if key is not None))
        tags = {REASON: f"a curator's masks changed: {named(keys)}", AUTOMATED: "true"}
        return restore_runs(ranges_of(instance, keys, settings), tags, only=keys)

    def decided(profile: Profile) -> Stamps:
        folders = [CHOICES, *(f"{REQUESTS}/{name}" for name in profile.settings.outpainters)]
        return {
            f"{folder}/{name}": stamp
            for folder in folders
            for name, stamp in profile.lake.stamps(folder).items()
        }

    def decided_runs(instance: dg.DagsterInstance, names: Sequence[str]) -> list[PlannedRun]:
        stems = (name.rsplit("/", 1)[1].removesuffix(".json") for name in names)
        keys = list(dict.fromkeys(stems))
        tags = {REASON: f"a curator decided: {named(keys)}", AUTOMATED: "true", PRIORITY: "1"}
        ranges = ranges_of(instance, keys, settings)
        if any(name.startswith(f"{REQUESTS}/") for name in names):
            return restore_runs(ranges, tags, only=keys)
        return [
            PlannedRun(RESTORE_PART, range_, {**tags, **only_tags(range_, keys)})
            for range_ in ranges
        ]

    return [
        folder_sensor(
            settings,
            name="inbox",
            description="Takes in what people drop into the inbox, once nothing in it changes any"
            " more.",
            jobs=[jobs["take_in"], jobs["catalogue"]],
            stamps=lambda profile: inbox_stamps(profile.settings.inbox, profile.lake),
            runs=inbox_runs,
            left_out=inbox_left_out,
            retries=True,
        ),
        folder_sensor(
            settings,
            name=f"{CURATED_MASKS.asset}_folder",
            description="Restores the paintings whose mask or text a curator added, changed or"
            " removed.",
            jobs=[jobs[RESTORE], jobs[RESTORE_PART]],
            stamps=masks,
            runs=masks_runs,
            left_out=masks_left_out,
            is_whole=is_whole_mask,
        ),
        folder_sensor(
            settings.model_copy(update={"debounce_seconds": 0.0}),  # the desk writes whole files
            name=f"{CURATOR_CHOICES.asset}_folder",
            description="Publishes what a curator accepted, and makes the outpaintings that one"
            " asked for.",
            jobs=[jobs[RESTORE], jobs[RESTORE_PART]],
            stamps=decided,
            runs=decided_runs,
        ),
        restore_new_paintings(settings, jobs),
        restore_what_is_stale(settings, jobs),
        *([] if isinstance(settings.evaluate, str) else [evaluate_when_idle(settings, jobs)]),
        *notification_sensors(settings),
    ]
