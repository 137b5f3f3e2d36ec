"""What pyVmomi knows about the vSphere API, to check the names we ask for."""

from typing import Any

from pyVmomi import VmomiSupport

vmomi: Any = VmomiSupport


def type_of(type_: str, path: str) -> Any:
    """The type of a property, or raise if it does not exist."""
    found = vmomi.GetWsdlType("urn:vim25", type_)
    for name in path.split("."):
        found = found._GetPropertyInfo(name).type
    return found
