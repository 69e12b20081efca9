"""A lake that raises `Killed` after a given number of writes."""

from deepart_assets.storage import Lake


class Killed(BaseException):
    """Stands for the end of the process."""


class Crashing(Lake):
    """Counts its writes; `lives[0]` are left."""

    def __init__(self, root, lives=None):
        super().__init__(root)
        self.lives = lives if lives is not None else [10**9]

    def within(self, folder):
        return Crashing(f"{self.url}/{folder}", self.lives)

    def _counted(self, change, *arguments):
        self.lives[0] -= 1
        if self.lives[0] < 0:
            raise Killed
        return change(*arguments)

    def write(self, path, data):
        return self._counted(super().write, path, data)

    def remove(self, path):
        return self._counted(super().remove, path)

    def move(self, path, to):
        # A move is one rename in a folder, and a counted write and removal in a bucket.
        if self.is_local:
            return self._counted(super().move, path, to)
        return super().move(path, to)
