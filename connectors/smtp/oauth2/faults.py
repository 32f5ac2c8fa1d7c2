"""What there is instead of an access token: an error that says what to do about it."""

from __future__ import annotations

from connector_core import DeliveryError, PermanentDeliveryError, TemporaryDeliveryError
from connector_core.extras import install
from connectors.smtp.i18n import mark

__all__ = ["INSTALL", "NOT_INSTALLED", "later", "unusable"]

NOT_INSTALLED = mark("renewing an access token needs packages that are not installed")
INSTALL = install("oauth2")
_STAGE = "token"


def later(reason: str, hint: str, *, response: str = "") -> DeliveryError:
    """No token now; there may be one soon."""
    return TemporaryDeliveryError(reason, stage=_STAGE, hint=hint, response=response, failover=True)


def unusable(reason: str, hint: str, *, response: str = "") -> DeliveryError:
    """No token, until somebody mends something."""
    return PermanentDeliveryError(
        reason, stage=_STAGE, hint=hint, response=response, failover=True, operator=True
    )
