"""A small OpenID provider on loopback: the authorization code flow with PKCE, RS256, and sign-out.

It is strict where a client could be careless: a code is good once, for its client, address and verifier.
People are chosen on a form, not by a password.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

CLIENT, SECRET = "trimtab", "a-client-secret-of-the-tests"
KEY_ID = "first"
CODE_S = 60.0
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    claims: Mapping[str, Any]
    redirect_uri: str
    nonce: str
    challenge: str
    expires_at: float


@dataclass(slots=True)
class Provider:
    """What the provider knows."""

    people: Mapping[str, Mapping[str, Any]]
    """Claims by the name on the form."""
    redirect_uri: str
    url: str = ""
    life_s: float = 3600.0
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    grants: dict[str, Grant] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Why requests were refused: a test looks here first."""
    tokens: int = 0
    ended: int = 0

    @property
    def metadata_url(self) -> str:
        """Where clients begin."""
        return f"{self.url}/.well-known/openid-configuration"

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict[str, Any]:
        """Return the public key, for whoever checks a signature."""
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        n, e = (_text(v.to_bytes(width, "big")) for v, width in ((numbers.n, size), (numbers.e, 3)))
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e}]}

    def code(self, asked: Query, who: str) -> str:
        """Let somebody in, and return the code for it."""
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(
            claims=self.people[who],
            redirect_uri=asked["redirect_uri"],
            nonce=asked["nonce"],
            challenge=asked["code_challenge"],
            expires_at=time.time() + CODE_S,
        )
        return code

    def id_token(self, grant: Grant) -> str:
        """Return a signed token that says who somebody is."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": int(now + self.life_s),
            "nonce": grant.nonce,
            **grant.claims,
        }
        signed = ".".join(
            _text(json.dumps(p).encode()) for p in ({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, claims)
        )
        return f"{signed}.{_text(self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def complaint(self, asked: Query) -> str | None:
        """Return what is wrong with a request to sign somebody in."""
        wanted = {"client_id": CLIENT, "response_type": "code", "redirect_uri": self.redirect_uri}
        wrong = [name for name, value in wanted.items() if asked.get(name) != value]
        missing = [name for name in ("state", "nonce", "code_challenge") if not asked.get(name)]
        if "openid" not in asked.get("scope", "").split():
            wrong.append("scope")
        if asked.get("code_challenge_method") != "S256":
            wrong.append("code_challenge_method")
        return f"wrong: {wrong}, missing: {missing}" if wrong or missing else None


class Handler(BaseHTTPRequestHandler):
    """The provider over HTTP."""

    provider: Provider

    def do_GET(self) -> None:
        """Give a document or the form, or end a session."""
        url = urlsplit(self.path)
        asked = _query(url.query)
        match url.path:
            case "/.well-known/openid-configuration":
                self._json(self.provider.metadata())
            case "/keys":
                self._json(self.provider.keys())
            case "/authorize":
                self._form(asked)
            case "/end":
                self._end(asked)
            case _:
                self.send_error(404)

    def do_POST(self) -> None:
        """Take the form, or give a token."""
        body = _query(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if self.path == "/token":
            self._token(body)
        else:
            self._let_in(body)

    def _form(self, asked: Query) -> None:
        complaint = self.provider.complaint(asked)
        if complaint is not None:
            self._refuse(400, complaint)
            return
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(k)}" value="{html.escape(v)}">'
            for k, v in asked.items()
        )
        buttons = "".join(
            f'<button name="who" value="{html.escape(who)}">{html.escape(who)}</button>'
            for who in self.provider.people
        )
        self._send(
            200, "text/html", f'<form method="post" action="/authorize">{hidden}{buttons}</form>'.encode()
        )

    def _let_in(self, asked: Query) -> None:
        complaint = self.provider.complaint(asked)
        if complaint is not None:
            self._refuse(400, complaint)
            return
        code = self.provider.code(asked, asked["who"])
        self._redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def _token(self, body: Query) -> None:
        client, secret = self._credentials(body)
        grant = self.provider.grants.pop(body.get("code", ""), None)
        verifier = body.get("code_verifier", "")
        if client != CLIENT or not hmac.compare_digest(secret, SECRET):
            self._refuse(401, "invalid_client")
        elif (
            grant is None or grant.expires_at < time.time() or grant.redirect_uri != body.get("redirect_uri")
        ):
            self._refuse(400, "invalid_grant")
        elif _text(hashlib.sha256(verifier.encode()).digest()) != grant.challenge:
            self._refuse(400, "invalid_grant: another verifier")
        else:
            self.provider.tokens += 1
            access = secrets.token_urlsafe(16)
            self._json(
                {"access_token": access, "token_type": "Bearer", "id_token": self.provider.id_token(grant)}
            )

    def _credentials(self, body: Query) -> tuple[str, str]:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client, _, secret = base64.b64decode(encoded).decode().partition(":")
            return unquote(client), unquote(secret)
        return body.get("client_id", ""), body.get("client_secret", "")

    def _end(self, asked: Query) -> None:
        back = asked.get("post_logout_redirect_uri")
        if back != self.provider.redirect_uri or not asked.get("id_token_hint"):
            self._refuse(400, "another address to go back to, or no hint of who it is")
            return
        self.provider.ended += 1
        self._redirect(back)

    def _refuse(self, status: int, why: str) -> None:
        self.provider.refused.append(why)
        self._send(status, "application/json", json.dumps({"error": why}).encode())

    def _redirect(self, where: str) -> None:
        self.send_response(303)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _json(self, document: object) -> None:
        self._send(200, "application/json", json.dumps(document).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def running(people: Mapping[str, Mapping[str, Any]], redirect_uri: str) -> Iterator[Provider]:
    """Give a provider that answers until the block ends."""
    provider = Provider(people, redirect_uri)
    handler = type("Bound", (Handler,), {"provider": provider})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _query(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
