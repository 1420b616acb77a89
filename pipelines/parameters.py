"""The parameters of a notebook: read from its tagged cell, checked before a kernel starts.

A parameter is one line of the cell, a literal with a comment; its type is that of its default, or what a string
annotation says:

    epochs = 3  # passes over the training rows
    size: "int | 'all' | None" = None  # training rows
"""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

KINDS = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "None": type(None)}


class ParameterError(ValueError):
    """A parameter that a notebook does not have, or a value of the wrong type."""


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its default, and what its values may be (names of types, or words in quotes)."""

    name: str
    default: object
    kinds: tuple[str, ...]

    def accepts(self, value: object) -> bool:
        """Whether a Python value is of one of the kinds; an int is good for a float, a bool is no number."""
        if isinstance(value, str) and repr(value) in self.kinds:
            return True
        types = tuple(KINDS[kind] for kind in self.kinds if kind in KINDS)
        if isinstance(value, bool):
            return bool in types
        return isinstance(value, types) or (isinstance(value, int) and float in types)

    def parse(self, text: str) -> object:
        """The value that `text`, from a command line, stands for.

        Raises:
            ParameterError: it is of none of the kinds.
        """
        for candidate in _readings(text):
            if self.accepts(candidate):
                return float(candidate) if self.kinds == ("float",) else candidate
        example = "" if self.default is None else f", for example {self.default!r}"
        hint = "; between parameters stand spaces" if "," in text and "=" in text else ""
        raise ParameterError(f"{self.name}={text!r}: expected {' or '.join(self.kinds)}{example}{hint}")


def _readings(text: str) -> list[object]:
    try:
        literal = ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(text.lower(), text))
    except (ValueError, SyntaxError):
        return [text]
    return [list(literal) if isinstance(literal, tuple) else literal, text]


def read(notebook: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, in order.

    Raises:
        ParameterError: no such notebook, not exactly one cell tagged `parameters`, or a line that is no literal.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except FileNotFoundError as error:
        raise ParameterError(f"no notebook {notebook}") from error
    tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise ParameterError(f"{notebook}: {len(tagged)} cells are tagged 'parameters', expected one")
    lines = ast.parse("".join(tagged[0]["source"])).body
    return {parameter.name: parameter for parameter in (_parameter(line, notebook) for line in lines)}


def _parameter(line: ast.stmt, notebook: Path) -> Parameter:
    try:
        name = (line.target if isinstance(line, ast.AnnAssign) else line.targets[0]).id
        default = ast.literal_eval(line.value)
    except (AttributeError, ValueError) as error:
        raise ParameterError(f"{notebook}: parameters cell, line {line.lineno}: not 'name = literal'") from error
    if isinstance(line, ast.AnnAssign):
        kinds = tuple(kind.strip() for kind in str(ast.literal_eval(line.annotation)).split("|"))
    else:
        kinds = ("None" if default is None else type(default).__name__,)
    return Parameter(name, default, kinds)


def check(given: dict[str, str], known: dict[str, Parameter], *, where: str) -> dict[str, object]:
    """Parse the given values; all of them must be known.

    Args:
        given: name → text, as it came from a command line.
        known: the parameters that there are.
        where: the name of the notebook, for the error.

    Raises:
        ParameterError: an unknown name (with the nearest known ones) or a value of the wrong type.
    """
    refuse_unknown(given, known, where=where)
    return {name: known[name].parse(text) for name, text in given.items()}


def refuse_unknown(names: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Raise a ParameterError for the first name that is not known; it says the nearest known ones."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}"
            raise ParameterError(f"{where} has no parameter {name!r}; {hint}")


def check_at_least_one(found: object, *names: str) -> None:
    """Raise a ValueError for the first of these attributes that is below 1."""
    for name in names:
        if getattr(found, name) < 1:
            raise ValueError(f"{name} {getattr(found, name)}: at least 1")


def spelt_size(size: str | int) -> str:
    """SIZE as names have it, whatever rows there are.

    >>> spelt_size("200_000"), spelt_size("all")
    ('200000', 'all')

    Raises:
        ParameterError: no number and not "all".
    """
    if size == "all":
        return "all"
    try:
        return str(int(str(size).replace("_", "")))
    except ValueError as error:
        raise ParameterError(
            f"SIZE={size}: expected a number of rows, or all; other parameters go into PARAMS"
        ) from error


def split_overrides(text: str) -> dict[str, str]:
    """PARAMS as typed, "epochs=3 units=64", to name → text."""
    pairs = [word.partition("=") for word in text.split()]
    for name, equals, value in pairs:
        if not (name and equals and value):
            raise ParameterError(f"PARAMS: {name + equals + value!r} is not name=value (no spaces inside a value)")
    return {name: value for name, _, value in pairs}


def joined(overrides: dict[str, object]) -> str:
    """Values as PARAMS has them: {"epochs": 3, "units": 64} → "epochs=3 units=64"."""
    return " ".join(f"{name}={value}" for name, value in overrides.items())
