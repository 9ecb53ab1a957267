"""The settings of a sign-in whose roles fit in the head."""

from __future__ import annotations

from pydantic import SecretStr

from ui.signing.signin import Roles, SignIn

ROLES = Roles(claim="groups", admin=("bosses",), approver=("approvers", "on-call"), viewer=("lookers",))


def sign_in(*, roles: Roles = ROLES, name_claim: str = "email") -> SignIn:
    """Return settings that differ from the ordinary ones in what is given."""
    return SignIn(
        metadata_url="https://login.example.org/.well-known/openid-configuration",
        client_id="trimtab",
        client_secret=SecretStr("client-secret"),
        redirect_uri="https://trimtab.example.org/console/oauth2callback",
        cookie_secret=SecretStr("cookie-secret-of-the-tests"),
        scopes=("openid", "email", "groups"),
        prompt="login",
        name_claim=name_claim,
        roles=roles,
    )
