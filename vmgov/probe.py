"""`python -m vmgov.probe`: exits with 0 when the web server of this container is ready."""

import http.client
import os
import sys

from vmgov import env


def status(port: int) -> int:
    """Return what /health/ready answers under the public name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/health/ready", headers={"Host": env.load().public_host})
    return connection.getresponse().status


if __name__ == "__main__":
    sys.exit(status(int(os.environ.get("PORT", "8000"))) != http.client.OK)
