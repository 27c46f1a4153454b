//! The library and the sidecar before a third-party OAuth 2 server: django-oauth-toolkit, with an API
//! whose tokens the Django REST framework checks, see `tests/issuer/server.py`.
//!
//! `.ci/issuer` installs it. If it is not installed, each test prints that and passes, unless
//! `ENKASH_REQUIRE_ISSUER` is set.

mod library;
mod server;
mod sidecar;
