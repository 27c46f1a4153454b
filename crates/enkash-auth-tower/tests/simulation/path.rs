//! The ways to the issuer and to the API.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use enkash_auth_tower::{BoxError, NotSent};
use futures_util::{FutureExt, future::pending};
use http::{Request, Response, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use tower::Service;

use crate::{
    events::Event,
    plan::{Step, Style},
    store::lost,
    world::{Shared, Who, World},
};

/// What token requests go through.
#[derive(Clone)]
pub(crate) struct TokenPath {
    pub(crate) world: Shared,
    pub(crate) who: Who,
}

/// What calls go through: they are answered at once.
#[derive(Clone)]
pub(crate) struct ApiPath {
    pub(crate) world: Shared,
    pub(crate) who: Who,
}

/// A token request whose answer somebody waits for.
struct Open {
    world: Shared,
    who: Who,
    number: u64,
}

impl Service<Request<Full<Bytes>>> for TokenPath {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let body = request.into_body().collect().now_or_never();
        let body = body
            .unwrap()
            .unwrap_or_else(|error| match error {})
            .to_bytes();
        let (reply, answer) = oneshot::channel();
        let number = self.world.lock().send(self.who, password(&body), reply);
        let open = Open {
            world: self.world.clone(),
            who: self.who,
            number,
        };
        Box::pin(async move {
            let Ok(answer) = answer.await else {
                return pending().await;
            };
            if answer.is_ok() {
                open.world.lock().checks.read(open.number);
            }
            answer
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let at = self.who.clock.virtual_now();
        self.world.lock().checks.closed(self.number, at);
    }
}

impl Service<Request<String>> for ApiPath {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let header = request.headers()[AUTHORIZATION].to_str().unwrap();
        let token = header.strip_prefix("Bearer ").unwrap();
        let at = self.who.clock.virtual_now();
        let mut world = self.world.lock();
        let end = world.issuer.end(token);
        let is_sticky = world.plan.style == Style::Sticky;
        world.checks.attached(&self.who, token, end, is_sticky, at);
        let status = if world.issuer.accepts(token, at) {
            200
        } else {
            401
        };
        let response = Response::builder().status(status).body(String::new());
        ready(Ok(response.unwrap()))
    }
}

type Reply = oneshot::Sender<Result<Response<String>, BoxError>>;

impl World {
    /// A token request leaves its replica.
    fn send(&mut self, who: Who, password: u32, reply: Reply) -> u64 {
        let at = who.clock.virtual_now();
        let number = self.checks.send(&who, password, at);
        let arrival = at + self.way(200, 20_000);
        let broken = self.chance(self.plan.weather.issuer_loss);
        let fate = if broken { self.rng.u8(..4) } else { u8::MAX };
        let what = match fate {
            0 => " (no connection)",
            1 => " (reset)",
            2 => " (lost)",
            _ => "",
        };
        self.note(
            at,
            format_args!(
                "r{} -> issuer request {number}, password {password}{what}",
                who.replica
            ),
        );
        match fate {
            0 => {
                let error = NotSent::new("no connection").into();
                self.at(arrival, Event::FromIssuer(who, Err(error), reply));
            }
            1 => self.at(arrival, Event::FromIssuer(who, Err("reset".into()), reply)),
            2 => {}
            _ => self.at(arrival, Event::ToIssuer(who, number, reply)),
        }
        self.step(at, who.replica, Step::PasswordSent);
        number
    }

    /// Token request `number` has arrived.
    pub(crate) fn take_request(&mut self, who: Who, number: u64, reply: Reply) {
        let at = self.now;
        let password = self.checks.password(number);
        let (verdict, response) = self.judge(number, password);
        let failed = self.issuer.failed.clone();
        self.checks.judged(number, verdict, &failed);
        let broken = self.chance(self.plan.weather.issuer_loss / 2);
        let is_reset = broken && self.rng.bool();
        self.note(
            at,
            format_args!(
                "issuer -> r{} request {number}: {} {}, failed {}{}",
                who.replica,
                response.status(),
                response.body(),
                failed.len(),
                lost(broken),
            ),
        );
        let arrival = at + self.way(200, 5_000);
        if is_reset {
            self.at(arrival, Event::FromIssuer(who, Err("reset".into()), reply));
        } else if !broken {
            self.at(arrival, Event::FromIssuer(who, Ok(response), reply));
        }
        self.step(at, who.replica, Step::PasswordJudged);
    }

    /// The issuer's answer has arrived.
    pub(crate) fn answered(
        &mut self,
        who: Who,
        answer: Result<Response<String>, BoxError>,
        reply: Reply,
    ) {
        drop(reply.send(answer));
        self.step(self.now, who.replica, Step::AnswerReceived);
    }
}

fn password(form: &[u8]) -> u32 {
    let form = std::str::from_utf8(form).unwrap();
    let (_, rest) = form.split_once("password=password-").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}
