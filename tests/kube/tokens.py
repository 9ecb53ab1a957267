"""Tokens of service accounts: asked of the API server, or signed here where it gives none so short."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.kube.certificates import write_key
from tests.kube.flags import ISSUER
from tests.kube.rest import Json, Refused, Rest

SHORTEST_S = 600
"""What the API server gives at least."""
LEEWAY_S = 60
"""How long after its expiry the API server still takes a token, as clocks differ."""
AGE_S = 3600
"""How long before its expiry a token that is signed here claims to have been issued."""


def token(rest: Rest, key: Path, namespace: str, service_account: str, expires_s: float) -> str:
    """Return a token of an account, made if need be, that is refused from *expires_s* from now on.

    One of ten minutes or more is taken for a minute longer.
    """
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    account = _account(rest, accounts, service_account)
    if expires_s < SHORTEST_S:
        return _signed(key, _claims(account, time.time() + expires_s - LEEWAY_S))
    request = {"spec": {"expirationSeconds": round(expires_s)}}
    answer = rest.post(f"{accounts}/{service_account}/token", request)
    return str(answer["status"]["token"])


def make_keys(private: Path, public: Path) -> None:
    """Write a new pair of keys that signs tokens."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    write_key(key, private)
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, info))


def _account(rest: Rest, accounts: str, name: str) -> Json:
    try:
        return rest.post(accounts, {"metadata": {"name": name}})
    except Refused as error:
        if error.status != 409:
            raise
        return rest.get(f"{accounts}/{name}")


def _claims(account: Json, expires_at: float) -> Json:
    """Return what the API server itself writes into a bound token."""
    metadata = account["metadata"]
    issued_at = round(expires_at - AGE_S)
    return {
        "iss": ISSUER,
        "aud": [ISSUER],
        "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        "iat": issued_at,
        "nbf": issued_at,
        "exp": round(expires_at),
        "kubernetes.io": {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        },
    }


def _signed(key: Path, claims: Json) -> str:
    private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    text = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_base64(signature)}"


def _encoded(part: Json) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
