use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::TokenRequestBody;
use crate::BoxError;

/// Carries token requests: an HTTP service. Implemented for all that can.
pub trait TokenService:
    Service<
        Request<TokenRequestBody>,
        Response = Response<<Self as TokenService>::Body>,
        Error: Into<BoxError>,
        Future: Send,
    > + Send
    + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> TokenService for S
where
    S: Service<Request<TokenRequestBody>, Response = Response<B>> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}
