"""What goes in and out of /predict and /explain. The OpenAPI document is made from these classes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, TypeAdapter, ValidationError

from serving.problems import Problem
from serving.settings import Settings

_MOST_MEMBERS = 20  # of a request that is looked at: each unknown one would be a mistake to be told
_MOST_PLACES = 20
REQUEST_ID = r"^[A-Za-z0-9._-]{1,64}$"


class Prediction(BaseModel):
    """One text's answer."""

    label: Literal["negative", "positive"] = Field(description="positive where the probability reaches the threshold")
    probability: float = Field(ge=0, le=1, description="of the text being positive, rounded to 6 decimals")


class Origin(BaseModel):
    """What an answer can be traced by."""

    model_version: str = Field(
        description="names the data set, the run and the weights", examples=["sample-4000-1f2e3d4c"]
    )
    request_id: str = Field(pattern=REQUEST_ID, description="from X-Request-ID where that was sent and is sane")


class Answer(Prediction, Origin):
    """The answer to one text."""


class BatchAnswer(Origin):
    """The answers to many texts, in their order."""

    predictions: list[Prediction]


class WordEffect(BaseModel):
    """A word of the text, or a group of neighbouring ones where the text is long, and what leaving it out changes."""

    word: str = Field(description="as it stands in the text, between white space")
    start: int = Field(ge=0, description="where it begins in the text, in Unicode code points")
    end: int = Field(ge=0, description="where it ends: the code point after it")
    effect: float = Field(
        ge=-1, le=1, description="P(positive) of the text minus that without the word: above 0 it pushed to positive"
    )


class Explanation(Answer):
    """The answer to one text, and which of its words pushed it which way."""

    words: list[WordEffect] = Field(description="in the order of the text; none where it has no words")


class ProblemDocument(BaseModel):
    """RFC 9457: why a request was refused, and what is accepted.

    A limit that was passed is a further member, with the name of its setting: "max_texts": 256.
    """

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="where /docs explains it", examples=["/docs#invalid-input"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    request_id: str = ""
    errors: list[dict[str, str]] = Field([], description="each wrong place: where, message")


def request_schema(settings: Settings) -> TypeAdapter[Any]:
    """The adapter that checks a request: {"text": …} or {"texts": […]}, within the limits of the settings."""
    constraints = StringConstraints(strict=True, max_length=settings.max_characters)
    text = Annotated[
        str, constraints, Field(description="a text; the empty one is allowed", examples=["python is great"])
    ]

    class TextRequest(BaseModel):
        """One text."""

        model_config = ConfigDict(extra="forbid")
        text: text

    class TextsRequest(BaseModel):
        """Many texts."""

        model_config = ConfigDict(extra="forbid")
        texts: Annotated[list[text], Field(strict=True, min_length=1, max_length=settings.max_texts)]

    choose = Discriminator(
        lambda value: _choose(value),
        custom_error_type="text_or_texts",
        custom_error_message='an object with either "text" (a string) or "texts" (a list of strings) is accepted',
    )
    return TypeAdapter(Annotated[Annotated[TextRequest, Tag("text")] | Annotated[TextsRequest, Tag("texts")], choose])


def _choose(value: Any) -> str | None:
    named = [name for name in ("text", "texts") if isinstance(value, dict) and name in value]
    return named[0] if len(named) == 1 else None


def check(adapter: TypeAdapter[Any], value: object) -> tuple[list[str], bool]:
    """The texts of a parsed request, and whether it was a single one.

    Raises:
        Problem: invalid-input, with every wrong place.
    """
    if isinstance(value, dict) and len(value) > _MOST_MEMBERS:
        message = f'an object with either "text" or "texts" is accepted; this one has {len(value)} members'
        raise Problem("invalid-input", f"body: {message}", errors=[{"where": "", "message": message}])
    try:
        checked = adapter.validate_python(value)
    except ValidationError as error:
        raise _refusal(error) from None
    single = hasattr(checked, "text")
    return ([checked.text] if single else checked.texts), single


def check_single(adapter: TypeAdapter[Any], value: object) -> str:
    """The text of a parsed request that must hold one.

    Raises:
        Problem: invalid-input, with every wrong place.
    """
    texts, single = check(adapter, value)
    if not single:
        message = 'one text is explained at a time: an object with "text" (a string) is accepted'
        raise Problem("invalid-input", f"texts: {message}", errors=[{"where": "texts", "message": message}])
    return texts[0]


def _refusal(error: ValidationError) -> Problem:
    items = error.errors(include_input=False, include_url=False)
    # The first part of a place is the tag of the union, which the client never wrote. The input is not repeated.
    places = [
        {"where": "/".join(str(part)[:100] for part in item["loc"][1:]), "message": item["msg"]}
        for item in items[:_MOST_PLACES]
    ]
    names = {"string_too_long": "max_characters", "too_long": "max_texts"}
    limits = {names[item["type"]]: item["ctx"]["max_length"] for item in items if item["type"] in names}
    more = f" ({len(items) - 1} more)" if len(items) > 1 else ""
    sentence = f"{places[0]['where'] or 'body'}: {places[0]['message']}{more}"
    return Problem("invalid-input", sentence, errors=places, **limits)
