//! The library and the sidecar before a third-party OAuth 2 server: django-oauth-toolkit, with an API
//! whose tokens the Django REST framework checks, see `tests/issuer/server.py`.

mod library;
mod server;
mod sidecar;

pub(crate) use self::server::python;
