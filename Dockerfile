# syntax=docker/dockerfile:1
# Three stages: front-end files, Python packages, and what runs. Debian slim, because some wheels
# exist for glibc only.

FROM node:24-bookworm-slim AS assets
WORKDIR /build
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
COPY vmgov/assets.py vmgov/__init__.py vmgov/
COPY static/icons.txt static/
# `npm ci` has run above; the stamp tells the script so.
RUN sha256sum package-lock.json | cut -d" " -f1 | tr -d "\n" > node_modules/.installed \
    && python3 -m vmgov.assets

FROM python:3.13-slim-bookworm AS packages
# Both have what a PDF takes; requirements-sso.lock also what signing in at an organisation's
# provider takes.
ARG REQUIREMENTS=requirements.lock
COPY requirements.lock requirements-sso.lock /
RUN python -m venv /opt/vmgov \
    && /opt/vmgov/bin/pip install --no-cache-dir --require-hashes --requirement "/$REQUIREMENTS"

FROM python:3.13-slim-bookworm
RUN groupadd --system --gid 10001 vmgov \
    && useradd --system --uid 10001 --gid 10001 --home-dir /srv/vmgov --shell /usr/sbin/nologin vmgov
COPY --from=packages /opt/vmgov /opt/vmgov
WORKDIR /srv/vmgov
COPY manage.py pyproject.toml LICENSE ./
COPY vmgov vmgov
COPY findings findings
COPY policies policies
COPY inventory inventory
COPY accounts accounts
COPY audit audit
COPY ui ui
COPY templates templates
COPY static static
COPY demo/*.xz demo/
COPY --from=assets /build/static/vendor static/vendor
ENV PATH=/opt/vmgov/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATIC_ROOT=/srv/vmgov/staticfiles \
    VAR_DIR=/tmp/vmgov
# Throw-away keys: collecting static files reads the settings and keeps nothing of them.
RUN VAR_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q . && rm -rf /tmp/build
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=6s --start-period=40s --retries=3 CMD ["python", "-m", "vmgov.probe"]
CMD ["gunicorn", "vmgov.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "2", \
     "--worker-class", "gthread", "--threads", "8", "--timeout", "60", "--graceful-timeout", "20", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
