"""One settings file for every place Portico runs; places differ by environment variables (see .env.example)."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
TESTING = "pytest" in sys.modules
if not TESTING:
    env.load_env_file(Path(env.text("PORTICO_ENV", str(BASE_DIR / ".env"))))

VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / ("var/test" if TESTING else "var"))))
VAR_DIR.mkdir(parents=True, exist_ok=True)
VERSION = "0.1.0"

# --- Who we are on the network -----------------------------------------------------------------------------------

DEBUG = env.flag("DEBUG")
PUBLIC_URL = env.text("PUBLIC_URL", "http://localhost:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
IS_HTTPS = _public.scheme == "https"
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", _public.hostname or "localhost")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
if env.flag("BEHIND_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 1 if env.flag("BEHIND_PROXY") else 0)
SERVER_EMAIL = DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Portico <portico@localhost>")

_KEYS_HINT = "Run bin/setup, which writes keys into .env, or see docs/operating.md."
if TESTING:
    # Made for this one run; nothing encrypted under it outlives the run.
    SECRET_KEY = "for tests only, made of plain words so that nobody mistakes it for a secret"  # noqa: S105
    SECRETS_KEYS = ["test:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="]
else:
    SECRET_KEY = env.required("SECRET_KEY", _KEYS_HINT)
    SECRETS_KEYS = env.items("SECRETS_KEYS") or [env.required("SECRETS_KEYS", _KEYS_HINT)]

# --- What we are made of -----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    # Before ours, which take back what these register with the support pages.
    "django.contrib.auth",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "portal",
    "organizations",
    "integrations",
    "meetings",
    "contacts",
    "phone",
    "safety",
    "csp",
    "django_htmx",
    "django.forms",
    "portal.support.SupportConfig",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.middleware.HtmxSignInMiddleware",
    "portal.middleware.PersonMiddleware",
    "integrations.prompting.ConnectPromptMiddleware",
    "portal.middleware.LastSeenMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
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
                "csp.context_processors.nonce",
                "portal.pages.context",
            ],
        },
    },
]

DATABASES = {"default": env.database(env.text("DATABASE_URL", f"sqlite:{VAR_DIR / 'portico.sqlite3'}"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# allauth's rate limits need one cache for all processes; the database is the one that is always there.
if CACHE_URL := env.text("CACHE_URL"):
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}}
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English (United States)"), ("en-gb", "English (United Kingdom)")]
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = TESTING or DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# --- Who may come in ---------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "organizations.signing_in.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {"signup": "organizations.signing_up.SignupForm"}
ACCOUNT_EMAIL_VERIFICATION = env.text("EMAIL_VERIFICATION", "mandatory")
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Portico: "
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
MFA_ADAPTER = "organizations.second_factors.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Portico"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS
USERSESSIONS_TRACK_ACTIVITY = True

# --- How pages are kept safe -------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# Lax, not Strict: the way back from a provider's consent page is a cross-site GET that needs the session.
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.pages.form_too_old"
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# A pasted list of people (organizations.invitation_lists.MOST_BYTES), and what a form wraps around it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        # A form may post here only; the step out to a provider is a link (integrations.views.leaving).
        "form-action": [SELF],
    }
}

# --- Doors: what leaves the machine, what is secret at rest ------------------------------------------------------

# What keeps secrets in tables that are not ours, for `manage.py rotate_secrets`: (is_check) -> counts.
SECRETS_ELSEWHERE = ["organizations.second_factors.rotate"]
OUTBOUND_ALLOW = env.items("OUTBOUND_ALLOW")
OUTBOUND_PROXY = env.text("OUTBOUND_PROXY")
OUTBOUND_CA_BUNDLE = env.text("OUTBOUND_CA_BUNDLE")
OUTBOUND_MAX_BYTES = env.number("OUTBOUND_MAX_BYTES", 50 * 1024 * 1024)

# --- Providers and what is done with them ------------------------------------------------------------------------

PROVIDERS = {
    "google": "integrations.providers.google.Google",
    "office365": "integrations.providers.office365.Office365",
    "exchange": "integrations.providers.exchange.Exchange",
}
JOIN_SERVICES = "meetings.join_services.SERVICES"
FEEDS = {"calendar": "meetings.sync.CalendarFeed", "contacts": "contacts.sync.ContactsFeed"}
# Where people are found who can be invited to a meeting, in the order in which they are offered.
PEOPLE_SEARCH = ["contacts.lookup.find_people", "organizations.colleagues.find_people"]
# What else stands on a person's profile, below their connection: (user) -> {"template": ...} and what it shows.
PROFILE_CARDS = [
    "meetings.delegation_views.describe_card",
    "meetings.feed_views.describe_card",
    "phone.licence_views.describe_card",
]
# What moving people between groups would do to their connections, for the pages that move them.
PLACEMENT_PREVIEW = "integrations.deciding.preview_placement"
# What makes words of the values that stand under a name in the audit trail.
AUDIT_VALUES = {"provider": "integrations.wording.service_name"}

# Every vendor address is a setting: national clouds, proxies and test systems have their own.
GOOGLE = {
    "client_id": env.text("GOOGLE_CLIENT_ID"),
    "client_secret": env.text("GOOGLE_CLIENT_SECRET"),
    "authorize_url": env.text("GOOGLE_AUTHORIZE_URL", "https://accounts.google.com/o/oauth2/v2/auth"),
    "token_url": env.text("GOOGLE_TOKEN_URL", "https://oauth2.googleapis.com/token"),
    "revoke_url": env.text("GOOGLE_REVOKE_URL", "https://oauth2.googleapis.com/revoke"),
    "calendar_root": env.text("GOOGLE_CALENDAR_ROOT", "https://www.googleapis.com/calendar/v3/"),
    "people_root": env.text("GOOGLE_PEOPLE_ROOT", "https://people.googleapis.com/"),
}
OFFICE365 = {
    "client_id": env.text("OFFICE365_CLIENT_ID"),
    "client_secret": env.text("OFFICE365_CLIENT_SECRET"),
    "certificate": env.text("OFFICE365_CERTIFICATE"),
    "authority": env.text("OFFICE365_AUTHORITY", "https://login.microsoftonline.com/organizations").rstrip("/"),
    "instance_discovery": env.text("OFFICE365_INSTANCE_DISCOVERY", "1"),
    "authorize_url": env.text("OFFICE365_AUTHORIZE_URL"),
    "graph_root": env.text("OFFICE365_GRAPH_ROOT", "https://graph.microsoft.com/v1.0/"),
    "ews_url": env.text("OFFICE365_EWS_URL", "https://outlook.office365.com/EWS/Exchange.asmx"),
}
EXCHANGE = {"ews_url": env.text("EXCHANGE_EWS_URL")}
PROVIDER_SETTINGS = {"google": GOOGLE, "office365": OFFICE365, "exchange": EXCHANGE}

# What gives the meetings scheduled here their join links. Which one, an admin says for each organization.
HOSTS = {"zoom": "meetings.hosts.zoom.Zoom", "link": "meetings.hosts.link.Link"}
ZOOM = {
    "token_url": env.text("ZOOM_TOKEN_URL", "https://zoom.us/oauth/token"),
    "api_root": env.text("ZOOM_API_ROOT", "https://api.zoom.us/v2/"),
}
HOST_SETTINGS = {"zoom": ZOOM}

# Phone systems that can be asked. Which one, an admin says for each organization; any other posts what it tells.
PHONE_SYSTEMS = {"zoom": "phone.zoom.ZoomPhone"}
PHONE_SYSTEM_SETTINGS = {"zoom": ZOOM}
# Whose number is it that calls? See phone.callers.
CALLERS = "contacts.callers.ContactBook"

# Where providers tell us of changes: a public https address. Without one, polling alone finds them.
PUSH_ADDRESS = ""
if env.flag("PUSH", default=not TESTING and (IS_HTTPS or bool(env.text("PUSH_ADDRESS")))):
    PUSH_ADDRESS = env.text("PUSH_ADDRESS", PUBLIC_URL).rstrip("/")

SYNC = {
    "days_back": env.number("SYNC_DAYS_BACK", 30),
    "days_ahead": env.number("SYNC_DAYS_AHEAD", 365),
    "every_seconds": env.number("SYNC_EVERY_SECONDS", 300),
    "longest_run_seconds": env.number("SYNC_LONGEST_RUN_SECONDS", 600),
    "lease_seconds": env.number("SYNC_LEASE_SECONDS", 120),
    "keep_runs_days": env.number("SYNC_KEEP_RUNS_DAYS", 30),
}

# --- Work in the background --------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.text("BROKER_URL", "memory://" if TESTING else "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    # Nothing to install. A message lost with a killed worker is found again by the sweep: the database is the truth.
    _queue = VAR_DIR / "queue"
    for _folder in ("messages", "done", "control"):
        (_queue / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "processed_folder": str(_queue / "done"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 2 * SYNC["longest_run_seconds"],
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        # A broker that cannot be reached must not hold up whoever waits for a page, or posts a notification.
        "socket_connect_timeout": 3,
    }
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_TIMEZONE = "UTC"

# --- Mail --------------------------------------------------------------------------------------------------------

if SMTP_HOST := env.text("SMTP_HOST"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = SMTP_HOST
    EMAIL_PORT = env.number("SMTP_PORT", 587)
    EMAIL_HOST_USER = env.text("SMTP_USER")
    EMAIL_HOST_PASSWORD = env.text("SMTP_PASSWORD")
    EMAIL_USE_TLS = env.flag("SMTP_STARTTLS", default=EMAIL_PORT == 587)
    EMAIL_USE_SSL = env.flag("SMTP_TLS", default=EMAIL_PORT == 465)
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")

# Every kind of mail (organizations.mailing.Mail) that people with an account get, in the order their page shows them.
MAILS = [
    "integrations.notices.RECONNECT",
    "integrations.notices.ANNOUNCED",
    "integrations.notices.REMINDER",
    "integrations.notices.ENDED",
    "integrations.notices.NARROWED",
    "integrations.notices.STAYS",
    "integrations.notices.TO_GRANT",
    "integrations.overseeing.DISCONNECTED",
    "meetings.delegate_mails.NAMED",
    "meetings.delegate_mails.GIVEN_UP",
    "organizations.people_mails.OWNER",
    "organizations.people_mails.DEACTIVATED",
    "organizations.people_mails.REACTIVATED",
]

INVITATION_MAILS_PER_DAY = env.number("INVITATION_MAILS_PER_DAY", 1000)

# --- What is written down ----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "safety.redact.RedactingFilter"}},
    "formatters": {"json": {"()": "safety.redact.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["redact"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "celery": {"handlers": [], "level": "INFO", "propagate": True},
        # These write requests, headers or answers at DEBUG: never, whatever LOG_LEVEL says.
        "urllib3": {"level": "WARNING"},
        "requests_oauthlib": {"level": "WARNING"},
        "oauthlib": {"level": "WARNING"},
        "google": {"level": "WARNING"},
        "googleapiclient": {"level": "ERROR"},
        "msal": {"level": "WARNING"},
        "exchangelib": {"level": "CRITICAL"},
        "requests_ntlm": {"level": "WARNING"},
        "spnego": {"level": "WARNING"},
    },
}
