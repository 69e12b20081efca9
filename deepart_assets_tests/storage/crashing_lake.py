"""A lake whose process ends before a change of a number that the test chooses."""

from deepart_assets.storage import Lake


class Killed(BaseException):
    """As if the process had ended here."""


class Crashing(Lake):
    """Changes of its files are counted: `lives[0]` of them are left."""

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
        # A folder renames, which is one change; a bucket writes and removes, which are counted.
        if self.is_local:
            return self._counted(super().move, path, to)
        return super().move(path, to)
