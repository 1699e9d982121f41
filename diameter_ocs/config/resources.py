"""What comes with the program and stands in files: dictionaries, migrations and others."""

import importlib.resources
from pathlib import Path

PACKAGE = "diameter_ocs"


def resource(name: str) -> Path:
    """Returns a file or folder that comes with the program, such as `migrations`.

    In a clone it stands at the top level, in an installed package inside the package.
    """
    package = Path(str(importlib.resources.files(PACKAGE)))
    in_clone = (package.parent / "pyproject.toml").is_file()
    return (package.parent if in_clone else package) / name
