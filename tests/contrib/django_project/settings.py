"""A Django project that mails by the host; its files are in `DJANGO_PROJECT_FOLDER`."""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(os.environ["DJANGO_PROJECT_FOLDER"])

SECRET_KEY = "for tests alone"
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "tests.contrib.django_project.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "connector_core.contrib.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = True

ADMINS = [("Ann", "ann@example.org"), ("Bob", "bob@example.org")]
DEFAULT_FROM_EMAIL = "Example <no-reply@example.com>"
EMAIL_BACKEND = "connector_core.contrib.django.EmailBackend"
CONNECTORS = {"FILE": BASE_DIR / "connectors.toml"}
