"""People who look at pages."""

from django.conf import settings
from django.test import Client

from accounts.models import User


def signed_in(user: User) -> Client:
    """A browser of this person."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client
