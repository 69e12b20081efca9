"""Fixtures of the outpainters: each of the tiny pipelines once."""

import pytest

from deepart_assets.compat import prepare
from deepart_assets.outpainting import build_outpainter
from deepart_assets_tests.outpainting.tiny_families import SAVERS, diffusers_settings
from deepart_assets_tests.outpainting.tiny_pipelines import (
    save_tiny_pipeline,
    save_tiny_xl_pipeline,
    settings_for,
)


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    return {
        "inpainting": save_tiny_pipeline(root / "inpainting"),
        "text to image": save_tiny_pipeline(root / "text", channels=4),
        "XL": save_tiny_xl_pipeline(root / "xl"),
    }


@pytest.fixture(scope="session")
def folder(folders):
    return folders["inpainting"]


@pytest.fixture(scope="session")
def painters(folders):
    return {name: build_outpainter(settings_for(each)) for name, each in folders.items()}


@pytest.fixture(scope="session")
def painter(painters):
    return painters["inpainting"]


class _Made(dict):
    """Makes what is asked for, once."""

    def __init__(self, make):
        super().__init__()
        self._make = make

    def __missing__(self, name):
        self[name] = self._make(name)
        return self[name]


@pytest.fixture(scope="session")
def family_folders(tmp_path_factory):
    prepare()
    import torch

    root = tmp_path_factory.mktemp("families")

    def save(name):
        torch.manual_seed(0)
        return SAVERS[name](root / name.replace(" ", "-"))

    return _Made(save)


@pytest.fixture(scope="session")
def family_painters(family_folders):
    return _Made(lambda name: build_outpainter(diffusers_settings(family_folders[name])))
