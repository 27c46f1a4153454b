"""An OAuth 2 server that others wrote: django-oauth-toolkit, which issues and revokes, before an API
whose tokens the Django REST framework checks. Ours is only the glue.

    server.py DIRECTORY SECONDS

keeps its database in DIRECTORY, issues tokens that live SECONDS, and prints where it listens.
"""

import logging
import os
import sys
import threading
from collections import Counter
from pathlib import Path

import django
from django.conf import settings

DIRECTORY, SECONDS = sys.argv[1:]

# Queued calls and the discouraged password grant are what the tests are about.
logging.disable(logging.WARNING)

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(DIRECTORY) / "issuer.sqlite3",
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode=WAL",
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "oauth2_provider",
        "rest_framework",
    ],
    # The tables are created from the models, without migrations.
    MIGRATION_MODULES={"auth": None, "contenttypes": None, "oauth2_provider": None},
    # Adds Content-Length, so that connections are reused.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": int(SECONDS),
        "SCOPES": {"read": "read", "write": "write", "trust": "trust"},
    },
    # No real passwords, so no slow hash.
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="not a secret: nobody signs in",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import get_access_token_model, get_application_model
from oauth2_provider.views import RevokeTokenView, TokenView
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from waitress.server import create_server

seen = Counter(token_requests=0, token_rejections=0, api_calls=0, api_unauthorized=0)


@api_view(["GET", "POST"])
@authentication_classes([OAuth2Authentication])
@permission_classes([IsAuthenticated])
def api(request):
    return Response({"user": request.user.username})


def counted(view, calls, rejections):
    """The view, with its calls and rejections counted."""

    def count(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        seen[calls] += 1
        seen[rejections] += response.status_code >= 400
        return response

    return csrf_exempt(count)


def counters(request):
    return JsonResponse(seen)


@csrf_exempt
def revoke_all(request):
    tokens = get_access_token_model().objects.all()
    count = len(tokens)
    for token in tokens:
        token.revoke()
    return JsonResponse({"revoked": count})


urlpatterns = [
    path("oauth/token", counted(TokenView.as_view(), "token_requests", "token_rejections")),
    path("oauth/revoke", csrf_exempt(RevokeTokenView.as_view())),
    path("api/v0/any", counted(api, "api_calls", "api_unauthorized")),
    path("-/counters", counters),
    path("-/revoke-all", revoke_all),
]


def end_with_parent():
    """Whoever started this holds the other end of its standard input, and may be killed."""
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    threading.Thread(target=end_with_parent, daemon=True).start()
    call_command("migrate", run_syncdb=True, verbosity=0)
    user = get_user_model().objects.create_user("user@example.com", password="right password")
    application = get_application_model()
    application.objects.create(
        name="payouts",
        user=user,
        client_id="client-id",
        client_secret="right secret",
        client_type=application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=application.GRANT_PASSWORD,
    )
    server = create_server(
        get_wsgi_application(), listen="127.0.0.1:0", threads=8, connection_limit=1000
    )
    print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
