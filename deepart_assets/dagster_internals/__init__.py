"""All use of Dagster's private names, and of the private parts of dagster-k8s and dagster-ray.

Everything here is written for Dagster 1.13.27, dagster-k8s 0.29.27 and dagster-ray 0.4.8. The rest
of the package uses their public API, which a ruff rule (banned-api in pyproject.toml) enforces.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

WRITTEN_FOR = {"dagster": "1.13.27", "dagster-k8s": "0.29.27", "dagster-ray": "0.4.8"}
"""The version of each distribution whose private names are used; pyproject.toml pins the same."""


@contextmanager
def private_names() -> Iterator[None]:
    """Surround the imports of private names: a missing one is reported with the remedy.

    Raises:
        ImportError: The installed version lacks a name. A distribution that is not installed at
            all keeps its own ModuleNotFoundError.
    """
    try:
        yield
    except ImportError as error:
        module = error.name or ""
        distribution = module.split(".")[0].replace("_", "-")
        if distribution not in WRITTEN_FOR or "." not in module:
            raise
        attribute = re.search(r"cannot import name '(\w+)'", str(error))
        name = f"{module}.{attribute[1]}" if attribute else module
        pinned = WRITTEN_FOR[distribution]
        raise ImportError(
            f"deepart_assets needs the private name {name} of {distribution} {pinned}, for which"
            f" it was written, and the installed {version(distribution)} does not have it: run"
            f" `pip install {distribution}=={pinned}`",
            name=module,
        ) from None
