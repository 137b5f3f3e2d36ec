"""What the description of the API has to be told about our own classes."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class BearerScheme(OpenApiAuthenticationExtension):
    """Scoped API tokens, made under Settings or by `manage.py token create`."""

    target_class = "accounts.tokens.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return how a token is sent."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "vmg_…",
            "description": self.__doc__,
        }
