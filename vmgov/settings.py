"""Django's settings, computed from the typed environment in `vmgov.env`."""

import tomllib
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from vmgov import env as environment
from vmgov import keys, logins, logs, postgres

ENV = environment.load()
BASE_DIR = environment.ROOT
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
VAR_DIR = ENV.var_dir.resolve()

# --- keys -----------------------------------------------------------------------------------------

if ENV.is_embedded:
    _embedded = keys.embedded(VAR_DIR)


def _secret(value: Any, generated: str) -> str:
    return value.get_secret_value() if value is not None else generated


SECRET_KEY = _secret(ENV.secret_key, _embedded.secret_key if ENV.is_embedded else "")
SECRET_KEY_FALLBACKS = (
    ENV.secret_key_fallbacks.get_secret_value().replace(",", "\n").split()
    if ENV.secret_key_fallbacks
    else []
)
# Key id -> 32 bytes; the first seals, all of them open.
CREDENTIAL_KEYS = keys.parse_ring(
    _secret(ENV.credential_keys, _embedded.credential_keys if ENV.is_embedded else "")
)
TOKEN_PEPPER = _secret(ENV.token_pepper, _embedded.token_pepper if ENV.is_embedded else "").encode()

# --- application ----------------------------------------------------------------------------------

DEBUG = ENV.debug
ROOT_URLCONF = "vmgov.urls"
WSGI_APPLICATION = "vmgov.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-gb"
USE_I18N = False

INSTALLED_APPS = [
    "vmgov",
    "findings",
    "policies",
    "inventory",
    "accounts",
    "audit",
    "ui",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "vmgov.apps.StaticFiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "rest_framework",
]

MIDDLEWARE = [
    "vmgov.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "audit.middleware.OriginMiddleware",
    "vmgov.middleware.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.access.DenyUndeclaredMiddleware",
    "axes.middleware.AxesMiddleware",
    "vmgov.middleware.Unavailable",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
# Forms are rendered by our templates, and ours may stand in for Django's own.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# --- database -------------------------------------------------------------------------------------


def _limits(process: str) -> dict[str, str]:
    """Web requests are cut off early; work in the background waits longer, but not for ever."""
    if process == "web":
        # Compiling a question takes longer than any of ours may take.
        limits = {"statement_timeout": "15s", "lock_timeout": "2s", "jit": "off"}
    else:
        limits = {"lock_timeout": "30s"}
    return {**limits, "idle_in_transaction_session_timeout": "60s" if process == "web" else "10min"}


_options: dict[str, Any] = {
    "options": " ".join(f"-c {name}={value}" for name, value in _limits(ENV.vmgov_process).items()),
    "application_name": f"vmgov-{ENV.vmgov_process}",
}


def _ours(role: str) -> dict[str, Any]:
    """The way into the embedded database for one of its roles."""
    login = logins.derived(role, secret=_embedded.database_password)
    return {
        "NAME": postgres.DATABASE,
        "USER": login.name,
        "PASSWORD": login.password,
        "HOST": str(postgres.socket_folder(VAR_DIR)),
        "PORT": "",
        "OPTIONS": _options,
    }


def _theirs(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**_options, **dict(parse_qsl(parts.query))},
    }


DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
        **(
            _theirs(ENV.database_url.get_secret_value())
            if ENV.database_url
            else _ours(postgres.APPLICATION)
        ),
    }
}
# How `migrate` signs in instead (vmgov.privileges.as_owner); None: as everybody else.
DATABASE_OWNER: dict[str, Any] | None = (
    _theirs(ENV.database_owner_url.get_secret_value())
    if ENV.database_owner_url
    else _ours(postgres.OWNER)
    if ENV.is_embedded
    else None
)
if DATABASE_OWNER is not None:
    del DATABASE_OWNER["NAME"]  # the same database, which a test gives another name
ATOMIC_REQUESTS = False

# --- cache and jobs -------------------------------------------------------------------------------

_redis_url = ENV.redis_url.get_secret_value() if ENV.redis_url else None

CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": _redis_url,
        "KEY_PREFIX": "vmgov",
    }
    if _redis_url
    # The embedded web server is one process, so its memory is shared by all requests.
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# A message only says "look at the ledger now": losing one costs a minute and repeating one nothing.
CELERY_BROKER_URL = (
    _redis_url.replace("unix://", "redis+socket://", 1) if _redis_url else "filesystem://"
)
_mailbox = VAR_DIR / "broker"
_VISIBILITY_TIMEOUT = 4 * 3600
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"visibility_timeout": _VISIBILITY_TIMEOUT, "socket_keepalive": True}
    if _redis_url
    else {
        "data_folder_in": str(_mailbox / "messages"),
        "data_folder_out": str(_mailbox / "messages"),
        "control_folder": str(_mailbox / "control"),
        "store_processed": False,
    }
)
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY_TIMEOUT
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the ledger, not the broker, decides about a retry
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_SOFT_TIME_LIMIT = 3 * 3600
CELERY_TASK_TIME_LIMIT = 3 * 3600 + 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10.0
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 5
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"

# --- the ledger of runs ---------------------------------------------------------------------------

SYNC_LEASE_SECONDS = ENV.sync_lease_seconds
SYNC_RETRY_SECONDS = ENV.sync_retry_seconds
RETIRE_AFTER_INTERVALS = ENV.retire_after_intervals

# --- people ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.Backend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = False
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.proxy_count
MFA_ADAPTER = "accounts.adapter.SecondFactorAdapter"
MFA_TOTP_ISSUER = "vmgov"
MFA_TOTP_TOLERANCE = 1  # a code of the half minute before or after: typing takes time
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "accounts.security_keys.AddKeyForm",
    "authenticate_webauthn": "accounts.security_keys.AuthenticateKeyForm",
    "login_webauthn": "accounts.security_keys.LoginKeyForm",
    "reauthenticate_webauthn": "accounts.security_keys.ReauthenticateKeyForm",
}
MFA_PASSKEY_LOGIN_ENABLED = ENV.passkey_sign_in
# `accounts.sso`: without any nothing of it is loaded and no address of it opens.
SSO_PROVIDERS = ENV.sso_providers
# Of whom it is required is in `accounts.roles`.
REQUIRE_SECOND_FACTOR = ENV.require_second_factor

AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "account/locked.html"
AXES_USERNAME_CALLABLE = "accounts.sessions.username_of"
AXES_ENABLE_ADMIN = False
AXES_IPWARE_PROXY_COUNT = ENV.proxy_count
AXES_IPWARE_META_PRECEDENCE_ORDER = (
    ("HTTP_X_FORWARDED_FOR", "REMOTE_ADDR") if ENV.proxy_count else ("REMOTE_ADDR",)
)

# --- the browser ----------------------------------------------------------------------------------

ALLOWED_HOSTS = [
    ENV.public_host,
    *ENV.allowed_hosts,
    *(["127.0.0.1", "localhost", "[::1]"] if ENV.is_loopback else []),
]
CSRF_TRUSTED_ORIGINS = [ENV.public_url, *(f"https://{host}" for host in ENV.allowed_hosts)]

# `Secure` cookies never reach a browser over plain http, which is what loopback speaks.
_is_https = ENV.is_https
_prefix = "__Host-" if _is_https else ""
SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_NAME = f"{_prefix}vmgov-session"
SESSION_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE_SECONDS = ENV.session_idle_minutes * 60
CSRF_COOKIE_NAME = f"{_prefix}vmgov-csrf"
CSRF_COOKIE_SECURE = _is_https
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = _is_https
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENV.proxy_count else None
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _is_https
SECURE_HSTS_PRELOAD = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # frame-ancestors in SECURE_CSP does what X-Frame-Options did
    "security.W021",  # preloading HSTS is a decision about a whole domain
]

# The names are Django 6's, so that its own middleware can take over.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "connect-src": ["'self'"],
    "font-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
FILE_UPLOAD_HANDLERS = [
    "inventory.uploads.SizeLimit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

STATIC_URL = "/static/"
STATIC_ROOT = (ENV.static_root or VAR_DIR / "static").resolve()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = VAR_DIR / "media"

# --- API ------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api_access.DeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "vmgov.pagination.Pages",
    "PAGE_SIZE": 100,
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"anon": "30/min", "user": "1200/min"},
    "NUM_PROXIES": ENV.proxy_count,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "vmgov",
    "DESCRIPTION": "Whether virtual machines are run the way the security policy says.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": True,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # a test looks at the schema
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AssetKindEnum": "inventory.models.KindChoices",
        "DutiesEnum": "inventory.access_api.DUTIES",
        "SyncRunStateEnum": "inventory.models.SyncRun.State",
    },
}

# --- mail and logs --------------------------------------------------------------------------------

PUBLIC_URL = ENV.public_url
MAIL_IS_SET_UP = ENV.email_url is not None
DEFAULT_FROM_EMAIL = ENV.email_from or f"vmgov@{ENV.public_host or 'localhost'}"


def _email(url: str | None) -> dict[str, Any]:
    if url is None:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    parts = urlsplit(url)
    return {
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": 10,
    }


globals().update(_email(ENV.email_url.get_secret_value() if ENV.email_url else None))

LOGGING_CONFIG = None
logs.configure(level=ENV.log_level, form=ENV.log_format)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
