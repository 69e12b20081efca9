"""Settings of a super-resolution data set and its networks that take next to no time."""

from typing import Any

SMALL_NETWORK = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}


def tiny_super_resolution() -> dict[str, Any]:
    """Return a profile's section `super_resolution` for a few small paintings, a new one each time.

    For benchmarks, too.
    """
    return {
        "data_set": {
            "kind": "rules",
            "minimal_side": 128,
            "near_duplicate": 0,  # generated paintings are alike
            "split": [4, 3, 3],
            "split_seed": 1,
        },
        "pairs": {"hr_side": 128},
        "psnr_weights": {
            "kind": "train",
            "network_g": {**SMALL_NETWORK},
            "datasets": {"train": {"batch_size_per_gpu": 2, "gt_size": 64}},
            "train": {"total_iter": 4, "scheduler": {"periods": [4]}},
        },
        "art_esrgan": {
            "network_g": {**SMALL_NETWORK},
            "network_d": {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 8},
            "datasets": {"train": {"batch_size_per_gpu": 2, "gt_size": 64}},
            "train": {
                "total_iter": 2,
                "perceptual_opt": {"type": "EfficientNetLoss", "perceptual_weight": 1.0},
            },
        },
        # A network of 64/23, where its package is installed, would take longer than all.
        "evaluation": {"interpolations": [0.5]},
    }
