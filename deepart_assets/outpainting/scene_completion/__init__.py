"""Scene completion: the surround of a subject is taken from another painting of a library.

After Hays and Efros 2007, "Scene completion using millions of photographs", turned to paintings.
"""

from deepart_assets.outpainting.scene_completion.choice import Choice
from deepart_assets.outpainting.scene_completion.ground import Ground, describe_ground
from deepart_assets.outpainting.scene_completion.library import GroundLibrary
from deepart_assets.outpainting.scene_completion.outpainter import SceneCompletionOutpainter

__all__ = ["Choice", "Ground", "GroundLibrary", "SceneCompletionOutpainter", "describe_ground"]
