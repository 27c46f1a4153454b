//! What `--help` says around the options.

pub(crate) const ABOUT: &str = "\
A server that behaves like EnKash's token server, for tests and for people without credentials.

It grants tokens at POST /oauth/token (form and HTTP Basic) and POST /api/v0/merchant/token (JSON).
Every other path is an API call: with a valid token it is answered with a report of what arrived,
without one with 401. Below /-/sandbox/ it takes orders, from anyone: do not show it to the world.

When it accepts, it prints `listening on http://ADDR`. Ctrl-C or SIGTERM ends it.";

pub(crate) const MORE: &str = r#"A first token, and a call with it:
  enkash-sandbox --lifetime 30
  curl -s -u client-id:client-secret http://127.0.0.1:8788/oauth/token \
    -d grant_type=password -d username=user@example.com -d password=password
  curl -s http://127.0.0.1:8788/api/v0/anything -H 'Authorization: Bearer TOKEN'

Orders, while it runs:
  GET    /-/sandbox/status    counters, rules, accounts, faults, clock
  GET    /-/sandbox/counters  the counters; DELETE starts them from zero
  PATCH  /-/sandbox/rules     {"lifetime": 5, "shape": "a"}: named as the options, with _ for -
  POST   /-/sandbox/faults    {"at": "token", "fault": "hang", "times": 2}; DELETE cancels all
  PUT    /-/sandbox/clock     {"offset": -3600}: an hour behind; {"advance": 60} moves it on
  PUT    /-/sandbox/outage    token requests get 503; DELETE ends it
  POST   /-/sandbox/revoke    ends all tokens
  POST   /-/sandbox/unlock    unlocks all accounts

Faults, at "token" or at "api", for some "times" (default 1) or "lasting" some seconds:
  after the request was carried out (a wrong password counts):
    {"delay": {"by": 2.5}}  "close-after-reading"  "half-answer"  "hang"
    {"carried-out": {"status": 502}}
  instead:
    "close-before-reading"  {"page": {"status": 503}}  "server-error"  "forbidden"
    {"too-many-requests": {"retry_after": 2}}  "garbage"  "empty"  "huge"  {"redirect": {}}
    "other-json"  {"answer": {"status": 418, "headers": {}, "body": "anything"}}

Two failures, then well:
  curl -s http://127.0.0.1:8788/-/sandbox/faults \
    -d '{"at": "token", "fault": "server-error", "times": 2}'"#;
