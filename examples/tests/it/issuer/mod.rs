//! The library and the sidecar before an OAuth 2 server that others wrote: django-oauth-toolkit, with an
//! API whose tokens the Django REST framework checks, see `tests/issuer/server.py`.
//!
//! `.ci/issuer` installs it. Where it is not installed, each test says so and passes, unless
//! `ENKASH_REQUIRE_ISSUER` is set.

mod library;
mod server;
mod sidecar;
