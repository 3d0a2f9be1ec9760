"""Serves what Omniport serves, by the packages on which Omniport stands: Django,
django-oauth-toolkit and Django REST framework. The page, and the view of the user
data, do what Omniport's own do. The arguments are the folder of the database, the
redirect URI and the client secret; the address is printed."""
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

folder, redirect_uri, secret = sys.argv[1:]
settings.configure(
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder + "/db.sqlite3"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "oauth2_provider", "rest_framework",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
django.setup()

from django.contrib.auth import get_user_model, login
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from oauth2_provider.models import AccessToken, Application
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


def page(request):
    login(request, get_user_model().objects.get(username="ann"))
    query = request.GET
    fields = {
        "csrfmiddlewaretoken": get_token(request),
        "redirect_uri": query.get("redirect_uri") or redirect_uri,
        "client_id": query.get("client_id", ""),
        "state": query.get("state") or "state",
        "response_type": query.get("response_type") or "code",
        "allow": "Authorize",
        "scope": "read write",
    }
    inputs = "".join(format_html('<input type="hidden" name="{}" value="{}">', *item) for item in fields.items())
    return HttpResponse('<form method="post" action="/open_auth/authorise/">' + inputs + "</form>")


class UserData(APIView):
    authentication_classes = [OAuth2Authentication]
    permission_classes = [IsAuthenticated]

    def get(self, request):
        token = AccessToken.objects.get(token=request.headers["Authorization"].replace("Bearer ", ""))
        return Response({"userId": token.user.id, "person": {"fullName": "Ann Arbor"}, "student": {"branch name": "Physics"}})


urlpatterns = [
    path("oauth/authorise/", page),
    path("open_auth/authorise/", require_POST(AuthorizationView.as_view())),
    path("open_auth/token/", TokenView.as_view()),
    path("open_auth/revoke_token/", RevokeTokenView.as_view()),
    path("open_auth/get_user_data/", UserData.as_view()),
]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


call_command("migrate", verbosity=0)
ann = get_user_model().objects.create_user("ann")
Application.objects.create(
    client_id="app", client_secret=secret, user=ann, redirect_uris=redirect_uri + " https://second.example/", name="Test",
    client_type=Application.CLIENT_CONFIDENTIAL, authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
)
with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
    print("http://127.0.0.1:%d" % server.server_port, flush=True)
    server.serve_forever()
