"""Where a trace is read: a file, or a trace store's URL."""

import http.client
import re
import urllib.error
import urllib.request
from enum import StrEnum
from pathlib import Path

from orderpage.traced.otlp import NotOtlp, Span, spans_of

_URL = re.compile(r"https?://", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}")
_SECONDS = 10.0
_MOST_BYTES = 64 << 20
_NOT_FOUND = 404


class Cause(StrEnum):
    """Why a trace cannot be shown, or not in full."""

    TRACE_ID_INVALID = "TRACE_ID_INVALID"
    TRACE_SOURCE_UNREADABLE = "TRACE_SOURCE_UNREADABLE"
    TRACE_NOT_OTLP = "TRACE_NOT_OTLP"
    TRACE_NOT_FOUND = "TRACE_NOT_FOUND"
    TRACE_OF_ANOTHER_SERVICE = "TRACE_OF_ANOTHER_SERVICE"
    TRACE_NOT_IN_FULL = "TRACE_NOT_IN_FULL"
    SCENARIO_GONE = "SCENARIO_GONE"


class TraceError(Exception):
    """A trace cannot be shown. The message begins with the cause's code and says what to do."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(f"{cause}: {message}")
        self.cause = cause


def read_trace(source: str, trace_id: str) -> list[Span]:
    """All spans of the trace, by their start; at least one. ``source`` is a file, or a URL in which ``{id}`` is the id.

    Raises ``TraceError``.
    """
    wanted = trace_id.lower()
    if not _ID.fullmatch(wanted):
        message = f"{trace_id!r} is no trace id; give the 32 hexadecimal digits of a page, an error or a log line"
        raise TraceError(Cause.TRACE_ID_INVALID, message)
    where = source.replace("{id}", wanted)
    text = _fetched(where) if _URL.match(source) else _read(where)
    try:
        spans = spans_of(text, wanted) if text else []
    except NotOtlp as wrong:
        message = (
            f"what {where} holds is no OTLP/JSON: {wrong}; give a file of the collector's file exporter (format json), "
            "Jaeger's /api/v3/traces/{id} or Tempo's /api/v2/traces/{id}"
        )
        raise TraceError(Cause.TRACE_NOT_OTLP, message) from None
    if not text.strip() and not _URL.match(source):
        message = (
            f"{where} is empty: the collector wrote nothing there yet, or writes elsewhere; wait a few seconds, "
            "or correct the path of its file exporter"
        )
        raise TraceError(Cause.TRACE_NOT_FOUND, message)
    if not spans:
        raise _absent(wanted, where)
    return spans


def _read(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        message = f"cannot read {file}: {error.strerror or error}; give a file that can be read, or a URL"
        raise TraceError(Cause.TRACE_SOURCE_UNREADABLE, message) from None


def _fetched(url: str) -> bytes:
    try:
        request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310  # http or https
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            text: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == _NOT_FOUND:
            return b""
        raise _unanswered(url, f"it answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _unanswered(url, str(error.reason)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unanswered(url, f"{type(error).__name__}: {error}") from None
    if len(text) > _MOST_BYTES:
        raise _unanswered(url, f"it answered more than {_MOST_BYTES >> 20} MiB")
    return text


def _unanswered(url: str, why: str) -> TraceError:
    message = f"cannot read {url}: {why}; check the address with curl, or give a file"
    return TraceError(Cause.TRACE_SOURCE_UNREADABLE, message)


def _absent(trace_id: str, where: str) -> TraceError:
    message = (
        f"no span of trace {trace_id} is in {where}; only failed calls and the share ORDERPAGE_TRACE_RATIO are sent, "
        "a second or two after their end: check the id, wait, or repeat the call with metadata orderpage-debug: 1"
    )
    return TraceError(Cause.TRACE_NOT_FOUND, message)
