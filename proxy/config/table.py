"""What every table of the configuration has in common, and what can be asked of its settings."""

import math
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from proxy.config.values import Form, duration_text


class Table(BaseModel):
    """One table of the TOML file: frozen, and refusing keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, hide_input_in_errors=True
    )


@dataclass(frozen=True, slots=True)
class Notes:
    """What an operator wants to know of a setting beside its description."""

    reason: str = ""
    """Why the default is what it is."""
    unit: str = ""
    restart: bool = False
    """True if a reload cannot change it without touching sessions."""
    example: Any = None
    """Shown by the template where there is no default."""


def setting(
    default: Any = ...,
    text: str = "",
    *,
    reason: str = "",
    unit: str = "",
    restart: bool = False,
    example: Any = None,
    **field: Any,
) -> Any:
    """Declare a setting; without a default it is required. ``field`` goes to pydantic (bounds, alias)."""
    extra: dict[str, Any] = {"x-reason": reason, "x-unit": unit, "x-restart": restart}
    if example is not None:
        field["examples"] = [example]
    if "default_factory" not in field:
        field["default"] = default
    return Field(description=text, json_schema_extra=extra, **field)


def notes_of(field: FieldInfo) -> Notes:
    """Return the notes of a setting; empty ones for a sub-table."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        return Notes()
    return Notes(
        reason=str(extra.get("x-reason", "")),
        unit=str(extra.get("x-unit", "")),
        restart=bool(extra.get("x-restart")),
        example=field.examples[0] if field.examples else None,
    )


def key_of(name: str, field: FieldInfo) -> str:
    """Return how the file spells a setting."""
    return field.alias or name


def table_within(field: FieldInfo) -> tuple[type[Table], bool] | None:
    """Return the sub-table that a field holds, and whether it is an array of them; None for a plain value."""
    annotation: Any = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation, False
    arguments = get_args(annotation)
    inner = arguments[0] if arguments else None
    if isinstance(inner, type) and issubclass(inner, Table):
        return inner, get_origin(annotation) is tuple
    return None


def is_optional(field: FieldInfo) -> bool:
    """Say if a sub-table may be left out for good, and is not just filled with defaults then."""
    return table_within(field) is not None and field.default in (None, ())


def is_list(field: FieldInfo) -> bool:
    """Say if a setting holds several plain values."""
    return get_origin(field.annotation) is tuple and table_within(field) is None


def form_of(field: FieldInfo) -> Form | None:
    """Return how the value (or each value of a list) is written."""

    def search(annotation: Any, metadata: tuple[Any, ...]) -> Form | None:
        for item in metadata:
            if isinstance(item, Form):
                return item
        for inner in get_args(annotation):
            found = search(inner, tuple(getattr(inner, "__metadata__", ())))
            if found:
                return found
        return None

    return search(field.annotation, tuple(field.metadata))


def unit_of(field: FieldInfo) -> str:
    """Return the unit of a setting, or an empty text."""
    form = form_of(field)
    return notes_of(field).unit or (form.unit if form else "")


def _number_text(number: float) -> str:
    mantissa, exponent = math.frexp(number)
    is_odd_power = mantissa == 0.5 and not 1 <= number <= 1 << 24
    return f"2^{exponent - 1}" if is_odd_power else f"{number}"


def allowed(field: FieldInfo) -> str:
    """Return what may be given for a setting; reads on after "must be"."""
    if (inner := table_within(field)) is not None:
        return (
            "one or more tables, each under double brackets" if inner[1] else "a table, under single brackets"
        )
    form = form_of(field)
    if form is not None:
        text = form.allowed
    elif field.annotation is bool:
        text = "true or false"
    else:
        text = " or ".join(repr(value) for value in get_args(field.annotation))
    if is_list(field):
        least = any(isinstance(item, MinLen) for item in field.metadata)
        text = f"a list{' of at least one' if least else ''}, each {text}"
    is_duration = form is not None and form.unit == "seconds"
    words = {Gt: "above", Ge: "at least", Lt: "below", Le: "at most"}
    bounds: list[str] = []
    for item in field.metadata:
        if isinstance(item, Gt | Ge | Lt | Le):
            limit: Any = getattr(item, type(item).__name__.lower())
            shown = duration_text(limit) if is_duration and limit else _number_text(limit)
            bounds.append(f"{words[type(item)]} {shown}")
    return f"{text}, {' and '.join(bounds)}" if bounds else text
