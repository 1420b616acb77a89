"""Every environment variable as the documentation page shows it."""

from __future__ import annotations

from typing import Literal, get_origin

from pydantic.fields import FieldInfo

from serving.settings import Settings


def table(settings: Settings | None = None) -> list[dict[str, str]]:
    """Name, default, value in force where that is another, and meaning of every variable, for the documentation page.

    Anybody may read that page: of addresses, paths and the key it says no more than that they are set.
    """
    own = settings or Settings()
    return [
        {
            "name": name.upper(),
            "default": _show(field.default),
            "in_force": "" if (value := getattr(own, name)) == field.default else _show(value, _is_plain(field)),
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]


def _is_plain(field: FieldInfo) -> bool:
    return field.annotation in (bool, int, float) or get_origin(field.annotation) is Literal


def _show(value: object, plain: bool = True) -> str:
    if not plain:
        return "set" if value else "unset"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
