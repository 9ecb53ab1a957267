"""What keeps secrets out of what is recorded: known values, telling names, and the shapes of keys and tokens.

    redactor = Redactor.of(secrets_among(os.environ))
    redactor.redacted({"headers": {"Authorization": "Bearer ..."}})

Three nets, each for what the others miss. A *known* value is found wherever it stands, also written as JSON,
in a URL or in base64. A *name* such as `api_key` gives its value away. A *shape* is that of keys, tokens and
passwords of well-known issuers. Nothing is judged by how random it looks: digests, ids and figures stay as
they are. A secret that is neither known, named nor of a known shape is not found, and neither is one that
is spread over several texts. No library does this for data: the kept ones scan files or filter logs.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
TOO_DEEP = "[nested too deep to be kept]"
LEAST_KNOWN = 8
"""Characters a value must have to be known as a secret: `none` or `ollama` are words of any text."""
MOST_DEPTH = 40
"""Levels of nesting that are kept; nothing that we send or get has a quarter of it."""
LEAST_TOKEN = 8
"""Characters after `token:` in a text that are taken for one; `per token: 0.3` is a figure."""
_PASSWORDS = r"(?:password|passwd|pwd|passphrase|secret|credential)s?"
_KEYS = r"(?:api|access|private|secret|signing|encryption|subscription|account)[-_. ]?keys?"
_TOKENS = rf"token|cookie|authorization|{_KEYS}"
_NAME = re.compile(rf"(?:{_PASSWORDS}|{_TOKENS})$")
_VARIABLE = re.compile(rf"(?:KEY|{_PASSWORDS}|{_TOKENS})$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMED = re.compile(
    rf"(?P<name>(?:(?P<password>(?i:{_PASSWORDS}))|(?i:{_TOKENS}))(?:\\*[\"'])?\s*(?:=>|[:=])\s*)"
    r"(?P<value>\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)|\\+[\"'].*?(?:\\+[\"']|\Z)"
    r"|(?:(?i:bearer|basic|token)\s+)?[^\s\"'&]+)",
    re.DOTALL,
)
_BEARER = re.compile(r"(?P<name>(?i:\bbearer)\s+)(?![a-z]+(?![\w.~+/=-]))[\w.~+/=-]{8,}")
_BASIC = re.compile(r"(?P<name>(?i:\bbasic)\s+)(?P<value>[A-Za-z0-9+/_-]{4,}={0,2})")
_LOGIN = re.compile(r"(?P<name>\b[A-Za-z][A-Za-z0-9+.-]{0,15}://)[^\s/?#]*@")
_NOTHING = ("", "null", "None", "true", "false", MARK)
_SHAPES = re.compile(
    "|".join(
        (
            r"(?<![\w-])(?:sk|pk|rk)[-_](?=[\w-]*[A-Z0-9])[\w-]{16,}",  # OpenAI, Anthropic, Stripe
            r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|gsk_|nvapi-|npm_|pypi-|dop_v1_|r8_)[\w-]{16,}",
            r"\bxox[abeoprs]-[\w-]{8,}",  # Slack
            r"\bAIza[\w-]{30,}",  # Google
            r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # AWS
            r"\beyJ[\w-]{5,1000}\.[\w-]{5,}(?:\.[\w-]*){1,3}",  # JWT, also of Kubernetes' service accounts
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        )
    ),
    re.DOTALL,
)


def names_a_secret(name: str) -> bool:
    """Say whether a field of that name holds a secret: `apiKey`, `db_password`; never `max_tokens`, `key`."""
    return _NAME.search(_CAMEL.sub("_", name).lower()) is not None


def secrets_among(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of the variables that are named like secrets, `OPENAI_API_KEY` or `MY_KEY`."""
    return tuple(value for name, value in environment.items() if _VARIABLE.search(name))


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes secrets out of JSON-plain data."""

    known: tuple[str, ...] = ()
    """Every way in which a known secret may be written, longest first."""

    @classmethod
    def of(cls, secrets: Iterable[str]) -> Redactor:
        """Return a redactor that knows these values; those under `LEAST_KNOWN` characters are let through."""
        found = {way for secret in secrets if len(secret) >= LEAST_KNOWN for way in _ways(secret)}
        return cls(tuple(sorted(found, key=lambda way: (-len(way), way))))

    def redacted(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON-plain, whatever it is
        """Return a copy of JSON-plain data with every secret that is found replaced by `MARK`.

        Raises:
            TypeError: it is not JSON-plain.
        """
        match value:
            case None | bool():
                return value
            case str():
                return self.text(value, depth)
            case int() | float():
                return MARK if self._without_known(str(value)) != str(value) else value
            case _ if depth >= MOST_DEPTH:
                return TOO_DEEP
            case Mapping():
                return self._mapping(value, depth)
            case list() | tuple():
                return [self.redacted(item, depth + 1) for item in value]
        raise TypeError(
            f"{type(value).__name__} is not JSON-plain; give what model_dump(mode='json') returns"
        )

    def text(self, text: str, depth: int = 0) -> str:
        """Return the text without the secrets that are found; JSON in it is looked into."""
        return self._without_shapes(self._without_known(self._inside(text, depth)))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        secret_kind = value.get("kind") == "Secret"
        named = isinstance(value.get("name"), str) and names_a_secret(value["name"])
        found = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is not JSON-plain; keys are texts")
            hidden = (
                names_a_secret(key)
                or (secret_kind and key in ("data", "stringData"))
                or (named and key == "value")
            )
            found[self.text(key, depth)] = _hidden(item) if hidden else self.redacted(item, depth + 1)
        return found

    def _inside(self, text: str, depth: int) -> str:
        """Return the text, or where it is JSON with a secret in it, that JSON without it."""
        if not text.lstrip().startswith(("{", "[")) or depth >= MOST_DEPTH:
            return text
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return text  # what only looks like JSON is text
        kept = self.redacted(parsed, depth + 1)
        return text if kept == parsed else json.dumps(kept, ensure_ascii=False)

    def _without_known(self, text: str) -> str:
        for way in self.known:
            text = text.replace(way, MARK)
        return text

    def _without_shapes(self, text: str) -> str:
        text = _SHAPES.sub(MARK, text)
        text = _LOGIN.sub(_keeping(lambda _: f"{MARK}@"), text)
        text = _NAMED.sub(_keeping(_quoted), text)
        text = _BEARER.sub(_keeping(lambda _: MARK), text)
        return _BASIC.sub(_keeping(_credentials), text)


def _ways(secret: str) -> Iterable[str]:
    """Yield every way in which the value may be written."""
    yield secret
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield from (json.dumps(once, ensure_ascii=again)[1:-1] for again in (True, False))
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    content = secret.encode(errors="surrogatepass")
    for encoded in (base64.b64encode(content), base64.urlsafe_b64encode(content)):
        yield encoded.decode().rstrip("=")


def _hidden(value: object) -> object:
    """Return the mark for whatever may be a secret; nothing and yes or no are none."""
    return value if value is None or isinstance(value, bool) or value in ("", MARK) else MARK


def _keeping(replacement: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
    """Return what replaces a match but for its name."""
    return lambda match: f"{match['name']}{replacement(match)}"


def _quoted(match: re.Match[str]) -> str:
    """Return the mark in the quotes of the value; a value that is none, or a figure of tokens, stays."""
    value: str = match["value"]
    inner = value.rstrip(",;})").strip("\\\"'")
    if inner in _NOTHING or (match["password"] is None and len(inner) < LEAST_TOKEN):
        return value
    before = value[: len(value) - len(value.lstrip("\\\"'"))]
    return f"{before}{MARK}{before}"


def _credentials(match: re.Match[str]) -> str:
    """Return the mark where the value is a name and a password in base64; a word stays a word."""
    value = match["value"].rstrip("=")
    try:
        content = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=False)
    except (binascii.Error, ValueError):
        return match["value"]
    return MARK if b":" in content else match["value"]
