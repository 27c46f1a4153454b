//! The check before credentials are sent.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use enkash_auth_core::{Environment, SystemClock};
use http::{Request, Response};
use tokio::time::Instant;
use tower_service::Service;

use super::{GRANT, Manner, Server, credentials};
use crate::{
    TokenRequestBody,
    endpoint::{Exchanged, Failure, TokenEndpoint},
    tests::sockets::HeldClock,
    time::Time,
};

async fn exchange(
    endpoint: &TokenEndpoint,
    may_send: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Exchanged, Failure> {
    let deadline = Instant::now() + Duration::from_secs(2);
    let clock = Time::System(SystemClock);
    endpoint.exchange(clock, deadline, may_send).await
}

#[tokio::test(start_paused = true)]
async fn denied_request_is_not_written() {
    let _held = HeldClock::new();
    let server = Server::start(Manner::Respond(GRANT)).await;
    let checks = AtomicU32::new(0);
    let deny = || {
        checks.fetch_add(1, Ordering::Relaxed);
        false
    };
    let failure = exchange(&server.endpoint(), &deny).await.err().unwrap();
    assert!(matches!(failure, Failure::NotSent(_)), "{failure:?}");
    assert_eq!(checks.load(Ordering::Relaxed), 1);

    // The next connection is accepted after the first.
    assert!(exchange(&server.endpoint(), &|| true).await.is_ok());
    let received = server.received();
    assert_eq!((received.len(), received[0].as_str()), (2, ""));
}

#[tokio::test(start_paused = true)]
async fn request_is_checked_once_on_its_own_connection() {
    let _held = HeldClock::new();
    let server = Server::start(Manner::Respond(GRANT)).await;
    let endpoint = server.endpoint();
    let checks = AtomicU32::new(0);
    for nth in 1..=3 {
        let allow = || {
            checks.fetch_add(1, Ordering::Relaxed);
            true
        };
        let exchanged = exchange(&endpoint, &allow).await.ok().unwrap();
        let read = exchanged
            .response
            .read(exchanged.sent, endpoint.credentials(), false);
        assert_eq!(read.unwrap().bearer().expose(), "one");
        assert_eq!(checks.load(Ordering::Relaxed), nth);
    }
    let received = server.received();
    assert_eq!(received.len(), 3);
    let host = format!("\r\nhost: {}\r\n", server.address);
    for request in received {
        assert!(request.starts_with("POST /oauth/token HTTP/1.1\r\n"));
        assert!(request.contains(&host), "{request}");
        assert!(request.contains("\r\nconnection: close\r\n"), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_response_differs_from_unsent_request() {
    for manner in [
        Manner::Close,
        Manner::Silent,
        Manner::Respond("HTTP/1.1 20"),
    ] {
        let server = Server::start(manner).await;
        let held = HeldClock::new();
        let reached = Mutex::new(Some(held));
        let allow = || {
            // From here on the clock advances when the runtime is idle.
            drop(reached.lock().unwrap().take());
            true
        };
        let failure = exchange(&server.endpoint(), &allow).await.err().unwrap();
        assert!(matches!(failure, Failure::NoResponse(_)), "{failure:?}");
        assert_eq!(server.received().len(), 1, "not tried again");
    }
}

/// Ready at the second poll. Records the order of events.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<&'static str>>>);

impl Recorder {
    fn push(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }
}

impl Service<Request<TokenRequestBody>> for Recorder {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.push("poll_ready");
        if self.0.lock().unwrap().len() > 1 {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Request<TokenRequestBody>) -> Self::Future {
        self.push("call");
        ready(Ok(Response::default()))
    }
}

#[tokio::test(start_paused = true)]
async fn users_service_is_checked_between_ready_and_call() {
    for (allowed, last) in [(true, "call"), (false, "check")] {
        let recorder = Recorder::default();
        let environment = Environment::custom("http://localhost").unwrap();
        let endpoint =
            TokenEndpoint::with_service(environment, credentials(), recorder.clone()).unwrap();
        let check = || {
            recorder.push("check");
            allowed
        };
        let result = exchange(&endpoint, &check).await;
        assert_eq!(result.is_ok(), allowed);
        let events = recorder.0.lock().unwrap().clone();
        let expected = ["poll_ready", "poll_ready", "check", "call"];
        assert_eq!(events, expected[..events.len()]);
        assert_eq!(events.last(), Some(&last));
    }
}
