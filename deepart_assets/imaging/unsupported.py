"""The error of a picture file that is intact but not supported."""


class Unsupported(Exception):
    """A picture that is not read; says what it is and what to do with it.

    Args:
        fault: Follows the file's name, such as "has signed numbers".
        remedy: What to do.
    """

    def __init__(self, fault: str, remedy: str) -> None:
        super().__init__(f"{fault}, which is not supported: {remedy}")
