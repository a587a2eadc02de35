"""What was read, written down, so that a run can be repeated: the same readings give the same plans.

Everything here is plain data that msgpack and JSON can write: numbers, texts, lists and dictionaries. NaN and
infinity are written as numbers, which msgpack can and strict JSON can not.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from proxy.governor.readings import GeneratorReading, Instructions, Readings

_KINDS: dict[str, type[np.generic]] = {"f": np.float64, "i": np.int64, "b": np.bool_}


def record(now: float, readings: Readings) -> dict[str, Any]:
    """Return one tick's readings as plain data."""
    return {"now": now, "readings": plain(readings)}


def recorded(entry: Mapping[str, Any]) -> tuple[float, Readings]:
    """Return what ``record`` was given.

    Raises:
        KeyError, TypeError, ValueError: It is nothing that ``record`` returned.

    """
    values = {name: restored(value) for name, value in entry["readings"].items()}
    if values["generators"] is not None:
        values["generators"] = GeneratorReading(**values["generators"])
    said = dict(values["instructions"])
    said["locked"] = tuple(said["locked"])
    values["instructions"] = Instructions(**said)
    values["refused"] = tuple(values["refused"])
    return float(entry["now"]), Readings(**values)


def plain(value: Any) -> Any:
    """Return a value, or a dataclass of values, as plain data; arrays become maps."""
    if isinstance(value, np.ndarray):
        return {"array": value.dtype.kind, "shape": list(value.shape), "of": value.ravel().tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    return value


def restored(value: Any) -> Any:
    """Return what ``plain`` was given, but for dataclasses and tuples."""
    if isinstance(value, Mapping):
        if "array" in value:
            return np.array(value["of"], dtype=_KINDS[value["array"]]).reshape(value["shape"])
        return {name: restored(one) for name, one in value.items()}
    if isinstance(value, list):
        return [restored(one) for one in value]
    return value
