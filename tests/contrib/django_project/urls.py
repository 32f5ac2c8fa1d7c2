"""Signing in as Django does it, and views that mail."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from connector_core.contrib.django import get_host


def failing(_request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


async def by_mail(_request: HttpRequest) -> HttpResponse:
    sent = await sync_to_async(send_mail)("Hello", "By mail", None, ["ann@example.org"])
    return HttpResponse(str(sent))


async def by_usage(_request: HttpRequest) -> HttpResponse:
    def send() -> str:
        receipt = get_host().send_message(
            "SignIn", to="ann@example.org", payload={"code": "123456"}
        )
        return receipt.response

    return HttpResponse(await sync_to_async(send, thread_sensitive=False)())


async def blocking(_request: HttpRequest) -> HttpResponse:
    send_mail("Hello", "Blocking", None, ["ann@example.org"])
    raise AssertionError


urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("django.contrib.auth.urls")),
    path("failing/", failing),
    path("by-mail/", by_mail),
    path("by-usage/", by_usage),
    path("blocking/", blocking),
]
