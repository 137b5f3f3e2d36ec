#!/usr/bin/env python
"""The command line of vmgov."""

import os
import sys


def main() -> None:
    """Run a command; if it needs the embedded database, have it running meanwhile."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmgov.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line

        from vmgov import embedded, env, postgres
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. Run `make setup`, then .venv/bin/python manage.py …")
    try:
        env.load()
        with embedded.database_for(sys.argv):
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, postgres.PostgresFailed) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
