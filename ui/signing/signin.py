"""The settings of the sign-in with OpenID Connect. The file names where the secrets are, not the secrets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator

from agent.options import loopback
from core.complaints import complaint
from core.errors import InvalidDocument, UsageError
from core.values import Frozen
from pipelines.reader import parsed, read_text

CALLBACK = "/oauth2callback"
"""Where Streamlit takes the browser back; the provider has to know the whole address."""
COOKIE_SECRET_BYTES = 32
LEAST_SECRET = 16
"""Characters of a cookie secret: whoever guesses it signs himself in as anybody."""
EVERYONE = "everyone"

Text = Annotated[str, Field(min_length=1, max_length=253)]


def _address(value: str) -> str:
    """Refuse what is no web address, and one that sends secrets over the network in the clear."""
    parts = _split(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://login.example.org/realm")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("must be an address without credentials and without #")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise ValueError("must begin with https://; http:// is for this machine alone")
    return value


Address = Annotated[str, AfterValidator(_address)]


class SecretSource(Frozen):
    """Where a secret is: in a file, or in an environment variable."""

    file: Path | None = None
    env: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.env is None):
            raise ValueError("must be {file: PATH} or {env: NAME}, one of both")
        return self


class Roles(Frozen):
    """Which values of one claim give which role. The highest that fits counts; none is no access."""

    claim: Text = "groups"
    """Its name; a path such as `realm_access.roles` where it lies inside another."""
    admin: tuple[Text, ...] = ()
    approver: tuple[Text, ...] = ()
    viewer: tuple[Text, ...] | Literal["everyone"] = ()
    """`everyone`: whoever the provider lets in."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not (self.admin or self.approver or self.viewer):
            raise ValueError("gives nobody a role; name groups under admin, approver or viewer")
        return self


class SignInFile(Frozen):
    """What the file given as `--login` says."""

    metadata_url: Address = Field(alias="metadataUrl")
    """Of the provider's discovery document, which ends in `/.well-known/openid-configuration`."""
    client_id: Text = Field(alias="clientId")
    client_secret: SecretSource = Field(alias="clientSecret")
    redirect_uri: Address | None = Field(default=None, alias="redirectUri")
    """The console's own address as browsers see it, with `/oauth2callback`; that of `--listen` by default."""
    cookie_secret: SecretSource | None = Field(default=None, alias="cookieSecret")
    """What signs the cookies; by default one of this process, so that a restart signs everybody out."""
    scopes: tuple[Text, ...] = ("openid", "email", "profile")
    """What the provider is asked for; some give groups only on `groups`."""
    prompt: Literal["select_account", "login", "consent"] = "select_account"
    """`login` has the provider ask for the password at each sign-in."""
    name_claim: Text = Field(default="email", alias="nameClaim")
    """Which claim names people in the record. It must be one that they cannot set themselves."""
    roles: Roles


class SignIn(Frozen):
    """How people sign in: the file's settings with the secrets fetched."""

    metadata_url: str
    client_id: str
    client_secret: SecretStr
    redirect_uri: str
    cookie_secret: SecretStr
    scopes: tuple[str, ...]
    prompt: str
    name_claim: str
    roles: Roles

    @property
    def base_path(self) -> str:
        """Streamlit's `server.baseUrlPath`: below which path browsers find the console; empty at the top."""
        return urlsplit(self.redirect_uri).path.removesuffix(CALLBACK).strip("/")


def read_sign_in(path: Path, environment: Mapping[str, str], *, host: str, port: int) -> SignIn:
    """Return the settings in a file, with the secrets that it points at.

    Raises:
        UsageError: the file or a secret cannot be read.
        InvalidDocument: its content is wrong.
    """
    try:
        file = _file(parsed(path))
        return SignIn(
            metadata_url=file.metadata_url,
            client_id=file.client_id,
            client_secret=_secret("clientSecret", file.client_secret, environment, path.parent),
            redirect_uri=_redirect_uri(file.redirect_uri, host, port),
            cookie_secret=_cookie_secret(file.cookie_secret, environment, path.parent),
            scopes=file.scopes,
            prompt=file.prompt,
            name_claim=file.name_claim,
            roles=file.roles,
        )
    except InvalidDocument as error:
        raise InvalidDocument(f"{path}: {error}") from error


def secrets_of(login: SignIn) -> dict[str, Any]:
    """Return what `st.App(secrets=...)` needs for `st.login`: nothing of it is written to a file."""
    return {
        "auth": {
            "redirect_uri": login.redirect_uri,
            "cookie_secret": login.cookie_secret.get_secret_value(),
            "client_id": login.client_id,
            "client_secret": login.client_secret.get_secret_value(),
            "server_metadata_url": login.metadata_url,
            "client_kwargs": {"scope": " ".join(login.scopes), "prompt": login.prompt},
        }
    }


def _file(document: object) -> SignInFile:
    if not isinstance(document, Mapping):
        raise InvalidDocument("must be a mapping with metadataUrl, clientId, clientSecret, roles")
    for name in ("clientSecret", "cookieSecret"):  # before pydantic, whose complaints show what is wrong
        if name in document and not _a_place(document[name]):
            raise InvalidDocument(
                f"{name}: must not stand in the file; write {{file: PATH}} or {{env: NAME}}"
            )
    try:
        return SignInFile.model_validate(document)
    except ValidationError as error:
        raise InvalidDocument(complaint(error, SignInFile)) from None  # its chain would show the file


def _a_place(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values())


def _secret(name: str, source: SecretSource, environment: Mapping[str, str], folder: Path) -> SecretStr:
    """Fetch a secret; a file's path is meant from the folder of the settings, its last newline not meant."""
    if source.file is not None:
        value, where = read_text(folder / source.file).strip(), str(source.file)
    else:
        where = str(source.env)
        value = environment.get(where, "")
    if not value:
        raise UsageError(f"{name}: there is nothing in {where!r}; put the secret there")
    return SecretStr(value)


def _cookie_secret(source: SecretSource | None, environment: Mapping[str, str], folder: Path) -> SecretStr:
    if source is None:
        return SecretStr(secrets.token_hex(COOKIE_SECRET_BYTES))
    found = _secret("cookieSecret", source, environment, folder)
    if len(found) < LEAST_SECRET:
        raise UsageError(
            f"cookieSecret: shorter than {LEAST_SECRET} characters; `openssl rand -hex 32` makes one"
        )
    return found


def _redirect_uri(given: str | None, host: str, port: int) -> str:
    if given is None:
        if not loopback(host):
            raise InvalidDocument(
                f"redirectUri: is missing; say by which https:// browsers reach the console on {host}"
            )
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}{CALLBACK}"
    parts = urlsplit(given)
    if not parts.path.endswith(CALLBACK) or parts.query:
        raise InvalidDocument(f"redirectUri: must end in {CALLBACK}")
    return given


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts
