"""What the operator may turn: read from the environment once, checked, frozen, handed down."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from serving import proxies

_ORIGIN = re.compile(r"https?://[^\s/,*?#@A-Z]+")  # as browsers send it


class SettingsError(ValueError):
    """An environment variable that cannot be used; the message names it, its value and what is accepted."""


class Settings(BaseModel):
    """Every setting. The environment variable is the field's name in capitals."""

    model_config = ConfigDict(frozen=True, protected_namespaces=(), hide_input_in_errors=True)

    model_uri: str = Field("", description="The exported model: a folder, models:/…, runs:/… (MLflow) or s3://….")
    model_uri_allow: str = Field(
        "", description="Folders, buckets, models and servers that are read, with commas; empty: what MODEL_URI names."
    )
    model_cache: Path = Field(
        Path("/tmp/model-cache"),
        description="Folder for models that are fetched; services whose MODEL_URI is the same may share it where they "
        "ask the same server.",
    )
    model_max_bytes: int = Field(2**31, ge=1, description="Largest model that is fetched, in bytes.")
    model_fetch_seconds: float = Field(300, gt=0, le=86400, description="Longest time to fetch a model, in seconds.")
    serving_runtime: Literal["tensorflow", "onnx"] = Field(
        "tensorflow", description="What runs the model; onnx is the light form inside the export."
    )
    model_poll_seconds: float = Field(
        0,
        ge=0,
        le=86400,
        description="Seconds between looks whether MODEL_URI names another model; 0: none. A look at MLflow takes a "
        "second or two of one core.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 is every interface.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(2, ge=1, le=256, description="Processes, each with its own copy of the model.")
    threads: int = Field(
        32,
        ge=2,
        le=1024,
        description="Threads of one worker, for pages, bodies above 64 KiB and requests that wait for the first model; "
        "others need none.",
    )
    model_threads: int = Field(
        0,
        ge=0,
        le=256,
        description="CPU threads of a model call, TensorFlow's two at least; 0: the workers share the cores.",
    )

    max_body_bytes: int = Field(1_048_576, ge=1, le=2**30, description="Largest request body, in bytes (413).")
    max_texts: int = Field(256, ge=1, le=10**6, description="Most texts in one request (422).")
    max_characters: int = Field(10_000, ge=1, le=10**8, description="Longest text, in characters (422).")
    max_explained_words: int = Field(
        64, ge=1, description="Most words that /explain leaves out one by one; a longer text's go in groups."
    )
    max_json_depth: int = Field(8, ge=2, le=100, description="Deepest nesting of JSON (400).")
    body_seconds: float = Field(10, gt=0, le=3600, description="Longest wait for a request's body, in seconds (408).")
    queue_requests: int = Field(
        512, ge=0, le=10**6, description="Requests of one worker under way beyond THREADS (503)."
    )
    queue_texts: int = Field(1024, ge=1, description="Most texts of one worker that wait for the model (503).")
    request_seconds: float = Field(
        10, gt=0, le=3600, description="Longest time to an answer once a request has arrived, in seconds (503)."
    )
    hang_seconds: float = Field(
        30, gt=0, le=86400, description="A worker whose model call is later than that after its deadline is replaced."
    )
    batch_texts: int = Field(64, ge=1, description="Texts of waiting requests that are scored in one model call.")

    rate_limit: int = Field(
        0, ge=0, le=10**6, description="Requests of one client in a minute, over all workers (429); 0: no limit."
    )
    trusted_proxies: str = Field(
        "",
        description="Proxies in front whose X-Forwarded-For and -Proto are believed: their networks with commas, "
        "or their number, where nobody gets past them.",
    )
    cors_allow_origins: str = Field(
        "",
        description="Origins (scheme and host) whose pages may call, with commas, or *; empty: no other than its own.",
    )

    api_key: str = Field("", repr=False, description="If set, predictions need it (Authorization: Bearer …) (401).")
    api_key_file: Path | None = Field(None, description="File that holds the API key, instead of API_KEY.")
    drain_seconds: float = Field(
        2, ge=0, le=3600, description="Time in which /readyz is unready and all is answered still, at the end."
    )
    graceful_seconds: int = Field(30, ge=1, le=3600, description="Time for requests under way to finish at the end.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line shown.")
    log_requests: bool = Field(True, description="One log line a request.")
    log_scores: bool = Field(True, description="The line holds the probabilities, 4 decimals, of the first 256 texts.")
    log_texts: bool = Field(
        False,
        description="The line holds the first 32 texts, 280 characters of each, as far as 4 KiB hold them: personal "
        "data, so off.",
    )
    log_clients: bool = Field(False, description="The line holds the client's address: personal data, so off.")

    @field_validator("model_uri_allow")
    @classmethod
    def _lists_something(cls, value: str) -> str:
        if value and not value.replace(",", "").strip():
            raise ValueError("it lists nothing")
        return value

    @field_validator("model_poll_seconds")
    @classmethod
    def _pauses(cls, value: float) -> float:
        if 0 < value < 0.1:
            raise ValueError("a look every 0.1 seconds is the most")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _number_or_networks(cls, value: str) -> str:
        if value and not value.isdecimal():
            proxies.networks(value)
        return "" if value == "0" else value

    @field_validator("api_key")
    @classmethod
    def _can_be_sent(cls, value: str) -> str:
        if any(unicodedata.category(character) == "Cc" for character in value):
            raise ValueError("it holds a line end or another control character, which no header can")
        return value

    @field_validator("host")
    @classmethod
    def _without_brackets(cls, value: str) -> str:
        return value.strip("[]")

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_small_letters(cls, value: str) -> str:
        return value.lower()

    @field_validator("cors_allow_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        origins = [origin.strip() for origin in value.split(",")] if value else []
        wrong = [origin for origin in origins if origin != "*" and not _ORIGIN.fullmatch(origin)]
        if wrong or ("*" in origins and len(origins) > 1):
            raise ValueError(
                f"{(wrong or ['* beside others'])[0]!r} is no origin: scheme and host in small letters, no path"
            )
        return ",".join(origins)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process; empty variables count as unset.

        Raises:
            SettingsError: names each variable that cannot be used.
        """
        environment = os.environ if environment is None else environment
        names = {name: environment.get(name.upper(), "").strip() for name in cls.model_fields}
        try:
            settings = cls(**{name: value for name, value in names.items() if value})
        except ValidationError as error:
            wrong = [_explain(str(item["loc"][0]), names, item["msg"]) for item in error.errors()]
            raise SettingsError("; ".join(wrong)) from None
        return settings._with_key_from_file()

    def _with_key_from_file(self) -> Settings:
        if self.api_key_file is None:
            return self
        try:
            key = self.api_key_file.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"API_KEY_FILE={self.api_key_file} cannot be read: {error}") from None
        if not key:
            raise SettingsError(f"API_KEY_FILE={self.api_key_file} is empty: put the key in it, or unset it")
        try:
            return self.model_copy(update={"api_key": self._can_be_sent(key)})
        except ValueError as error:
            raise SettingsError(f"API_KEY_FILE={self.api_key_file} cannot be used: {error}") from None


def _explain(name: str, values: Mapping[str, str], message: str) -> str:
    shown = "…" if name == "api_key" else values[name]
    meaning = Settings.model_fields[name].description
    return f"{name.upper()}={shown} cannot be used ({message[0].lower()}{message[1:]}). {meaning}"
