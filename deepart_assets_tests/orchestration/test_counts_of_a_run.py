"""What a run of one corrected mask costs, in counts: a machine's load does not change them."""

import io

import numpy as np
from PIL import Image

from deepart_assets.super_resolution.upscaling import upscaler


def test_a_corrected_mask_loads_one_network_and_writes_few_events(done, instance):
    done.content["outpainters"]["second"] = {"kind": "telea", "radius": 5}
    mask = np.zeros((200, 160), np.uint8)
    mask[50:180, 40:120] = 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    done.lake.write("masks/p2.png", file.getvalue())
    upscaler._loaded.cache_clear()
    with done.run("restore", instance, ["p2"]) as result:
        assert result.success
        steps = [event.step_key for event in result.all_events if event.is_step_success]
    for stage in ("telea_upscaled", "second_upscaled", "restoration_sheets"):
        assert done.store.done(stage, "p2") is not None
    assert upscaler._loaded.cache_info().misses == 1, "both outpainters use one network"
    assert steps[-1] == "gallery"
    assert not [step for step in steps if step.endswith("_evaluation")]
    assert len(instance.all_logs(result.run_id)) <= 11 * len(steps)
