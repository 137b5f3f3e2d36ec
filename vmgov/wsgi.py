"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmgov.settings")
os.environ.setdefault("VMGOV_PROCESS", "web")

application = get_wsgi_application()
