"""Fetches a token and makes a call with requests-oauthlib, as it comes, and credentials that are none.

    password.py BASE

prints what it got.
"""

import json
import os
import sys

from oauthlib.oauth2 import LegacyApplicationClient
from requests_oauthlib import OAuth2Session

[base] = sys.argv[1:]

# Loopback has no TLS.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

session = OAuth2Session(client=LegacyApplicationClient(client_id="dummy"))
token = session.fetch_token(
    f"{base}/oauth/token",
    username="dummy",
    password="dummy-password",
    client_id="dummy",
    client_secret="dummy-secret",
)
response = session.get(f"{base}/api/v0/any")
refreshed = session.refresh_token(f"{base}/oauth/token")
json.dump(
    {
        "token": token["access_token"],
        "lifetime": token["expires_in"],
        "refreshed": refreshed["access_token"],
        "status": response.status_code,
    },
    sys.stdout,
)
