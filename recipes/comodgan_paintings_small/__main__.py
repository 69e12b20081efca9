"""Trains a CoModGAN on a folder of paintings.

    python -m recipes.comodgan_paintings_small RECIPE.yml --masks FOLDER
        --checkpoints FOLDER --output FILE.safetensors PICTURE...

The recipe has the settings of `GeneratorTraining`. The subject of a picture is the PNG of the same
stem in the folder of masks (white = subject, any size); without a mask, holes are free-form. Run
again with the same arguments, training resumes from its last checkpoint.
"""

import argparse
import json
from pathlib import Path

import yaml
from pydantic import ValidationError

from deepart_assets.errors import UnavailableError
from deepart_assets.imaging import decode_grey, decode_rgb, resize, working_size
from deepart_assets.storage import Lake, sha256_of, sha256_of_file
from deepart_assets.storage.checkpoints import Checkpoints
from recipes.comodgan_paintings_small import Example, train
from recipes.comodgan_paintings_small.settings import GeneratorTraining

SIDE = 512
"""Larger paintings are reduced to this smaller side, the default working side."""


def read_recipe(file: Path) -> GeneratorTraining:
    """Return the settings in a YAML file.

    Raises:
        UnavailableError: It is not a valid recipe; the message names the setting.
    """
    try:
        return GeneratorTraining.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise UnavailableError(f"{file} is no recipe of a CoModGAN's training: {error}") from error


def read_example(file: Path, masks: Path) -> Example:
    """Return a painting with its smaller side at most `SIDE`, and its subject if there is a mask.

    Raises:
        PaintingError: One of the files is not a picture.
    """
    picture = decode_rgb(file.read_bytes(), file.name)
    picture = resize(picture, *working_size(picture.shape[0], picture.shape[1], SIDE))
    mask = masks / f"{file.stem}.png"
    if not mask.is_file():
        return Example(picture)
    levels = decode_grey(mask.read_bytes(), mask.name)
    return Example(picture, resize(levels, *picture.shape[:2]) > 127)


def fingerprint(settings: GeneratorTraining, files: list[Path], masks: Path) -> str:
    """Return a SHA-256 of everything that the weights depend on: recipe, pictures and masks."""
    read = [each for file in files for each in (file, masks / f"{file.stem}.png")]
    hashes = [sha256_of_file(each) if each.is_file() else None for each in read]
    return sha256_of(json.dumps([settings.recipe(), hashes], sort_keys=True).encode())


def main(arguments: list[str] | None = None) -> None:
    """Run the training given on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m recipes.comodgan_paintings_small",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    settings = read_recipe(given.recipe)
    files = sorted(given.pictures)
    data = fingerprint(settings, files, given.masks)
    every = settings.checkpoint_seconds
    kept = None
    if every is not None:
        kept = Checkpoints(Lake(given.checkpoints), "comodgan", data, every, print)
    trained = train(
        [read_example(file, given.masks) for file in files],
        settings,
        lambda step: print(step.line, flush=True),
        kept,
        {"paintings": str(len(files)), "data": data},
    )
    Lake(given.output.parent).write(given.output.name, trained.weights)
    print(json.dumps(trained.figures))


if __name__ == "__main__":
    main()
