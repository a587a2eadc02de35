"""A governor's memory as plain data, to be written out and read back by whoever takes over.

Site, curves, devices and settings are configuration and come from elsewhere; all that was told, proven and
learned is here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

_KINDS: dict[str, type[np.generic]] = {"f": np.float64, "i": np.int64, "b": np.bool_}
_KEPT_APART = frozenset(
    {
        "_settings",
        "_site",
        "_nominal",
        "_nominal_w",
        "_derate",
        "_limited",
        "_engines",
        "wiring",
        "_interval_s",
        "_holds_s",
        "_ladders",
        "_fresh",
        "_asked",
    }
)
"""What comes from the configuration, or lasts for one tick only."""


def taken(part: object, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return what an object remembers, or ``names`` of it, as plain data."""
    kept = names or [name for name in _attributes(part) if name not in _KEPT_APART]
    return {name: _plain(getattr(part, name)) for name in kept}


def given(part: object, memory: Mapping[str, Any]) -> None:
    """Put back what ``taken`` returned.

    Raises:
        ValueError: It remembers something that this kind of object does not.

    """
    present = _attributes(part)
    for name, value in memory.items():
        if name not in present:
            raise ValueError(f"{type(part).__name__} has no {name}: the state is of another version")
        setattr(part, name, _like(present[name], value))


def _attributes(part: object) -> dict[str, Any]:
    if is_dataclass(part):
        return {one.name: getattr(part, one.name) for one in fields(part)}
    names = getattr(type(part), "__slots__", None) or vars(part)
    return {name: getattr(part, name) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"array": value.dtype.kind, "shape": list(value.shape), "of": value.ravel().tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return [[_plain(key), _plain(one)] for key, one in value.items()]
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value


def _like(present: Any, value: Any) -> Any:
    """Return ``value`` in the shape of what stands there now."""
    if isinstance(value, Mapping) and "array" in value:
        return np.array(value["of"], dtype=_KINDS[value["array"]]).reshape(value["shape"])
    if is_dataclass(present) and not isinstance(present, type) and isinstance(value, Mapping):
        return type(present)(**{name: _like(getattr(present, name), one) for name, one in value.items()})
    if isinstance(present, Mapping) and isinstance(value, list):
        return {_key(key): _like(None, one) for key, one in value}
    if isinstance(value, list):
        items = [_like(None, one) for one in value]
        return items if isinstance(present, list) else tuple(items)
    return value


def _key(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key
