//! The probe, a request that finds out whether the server responds at all.

use std::{convert::Infallible, io, time::Duration};

use enkash_auth_core::Environment;
use http::{Method, Request, Response};
use tokio::time::Instant;
use tower::service_fn;

use super::{Manner, Server, credentials, endpoint};
use crate::{
    Egress, TokenRequestBody,
    endpoint::{IsTokenRequest, TokenEndpoint},
    tests::sockets::HeldClock,
};

const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn probe_accepts_any_response_and_sends_no_secret() {
    let _held = HeldClock::new();
    for response in [
        "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\nallow: POST\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let server = Server::start(Manner::Respond(response)).await;
        assert!(server.endpoint().probe(LIMIT).await, "{response}");
        let received = server.received();
        assert_eq!(received.len(), 1);
        let (head, body) = received[0].split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HEAD /oauth/token HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, "");
        let mut names: Vec<_> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split(':').next())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "host", "user-agent"]);
    }
}

#[tokio::test(start_paused = true)]
async fn probe_without_response_fails_within_limit() {
    let closed = Server::start(Manner::Close).await;
    let unreachable = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let unreachable = endpoint(&format!("http://{unreachable}"), &Egress::direct());
    for endpoint in [closed.endpoint(), unreachable] {
        let _held = HeldClock::new();
        assert!(!endpoint.probe(LIMIT).await);
    }

    let silent = Server::start(Manner::Silent).await;
    let start = Instant::now();
    assert!(!silent.endpoint().probe(LIMIT).await);
    assert!(start.elapsed() <= LIMIT + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn probe_uses_users_service_marked_as_token_request() {
    let responding = service_fn(|request: Request<TokenRequestBody>| async move {
        assert_eq!(request.method(), Method::HEAD);
        assert!(request.extensions().get::<IsTokenRequest>().is_some());
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let failing = service_fn(|_: Request<TokenRequestBody>| async {
        Err::<Response<String>, _>(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    let environment = || Environment::custom("http://localhost").unwrap();
    let endpoint = TokenEndpoint::with_service(environment(), credentials(), responding);
    assert!(endpoint.unwrap().probe(LIMIT).await);
    let endpoint =
        TokenEndpoint::with_service_factory(environment(), credentials(), move || failing);
    assert!(!endpoint.unwrap().probe(LIMIT).await);
}
