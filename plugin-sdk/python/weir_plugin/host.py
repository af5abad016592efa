"""The capabilities of the gateway, for instance ``host.capability("credentials")``.

Only those that the manifest names are in the component; they are modules with the functions of the
contract (wit/plugin.wit), names in snake case. What the contract calls an error is raised as ``Err``.
"""

import importlib
from types import ModuleType
from typing import Any


def capability(name: str) -> ModuleType:
    """The functions of a capability. Call it where the plugin is imported, not in a phase."""
    return importlib.import_module("wit_world.imports." + name.replace("-", "_"))


def error_type() -> type[Any]:
    """The exception by which a capability says that it failed; ``value`` is the reason."""
    return importlib.import_module("componentize_py_types").Err
