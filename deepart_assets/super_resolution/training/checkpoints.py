"""The checkpoints of these trainings, which are those of every training (`storage.checkpoints`).

Belongs here: nothing more. Does not belong here: code.
"""

from deepart_assets.storage.checkpoints import Checkpoints, discard, work_lake

__all__ = ["Checkpoints", "discard", "work_lake"]
