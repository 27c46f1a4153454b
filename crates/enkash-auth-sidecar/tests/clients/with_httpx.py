"""Makes three calls with httpx on one connection: with_httpx.py BASE prints the statuses and the lengths that arrived."""

import sys

import httpx

[base] = sys.argv[1:]
with httpx.Client(base_url=base, trust_env=False) as client:
    pieces = (b"x" * 65_536 for _ in range(16))
    calls = [client.get("/any"), client.post("/any", content=b"{}"), client.post("/any", content=pieces)]
print(*((call.status_code, call.json()["body_length"]) for call in calls))
