//! The network paths to the token server and to the API.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

use enkash_auth_tower::{BoxError, NotSent, TokenRequestBody};
use futures_util::FutureExt;
use http::{Method, Request, Response, header::AUTHORIZATION};
use http_body_util::BodyExt;
use tower::Service;

use crate::{
    clock::Millis,
    plan::{Issuer, Step},
    world::{Caller, Shared, World},
};

/// How wrong a cache may be about the expiry of a token that was issued to another: it takes a token with
/// almost its whole lifetime left for a new one.
const ROUNDING: Millis = 1_250;

/// The path of token requests.
#[derive(Clone)]
pub(crate) struct TokenPath {
    pub(crate) world: Shared,
    pub(crate) caller: Caller,
}

/// The path of calls: the API responds at once.
#[derive(Clone)]
pub(crate) struct ApiPath {
    pub(crate) world: Shared,
    pub(crate) caller: Caller,
}

/// A token request whose response is waited for.
struct Pending {
    world: Shared,
    caller: Caller,
    number: usize,
}

/// How a token request fails on its way.
#[derive(Clone, Copy, Debug)]
enum Fault {
    NotSent,
    Reset,
    Lost,
    LostReply,
    ResetReply,
}

impl Service<Request<TokenRequestBody>> for TokenPath {
    type Response = Response<String>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<TokenRequestBody>) -> Self::Future {
        let Self { world, caller } = self.clone();
        if request.method() == Method::HEAD {
            return Box::pin(async move { Ok(probe(&world, caller).await) });
        }
        let body = request.into_body().collect().now_or_never().unwrap();
        let body = body.unwrap_or_else(|error| match error {});
        let password = password(&body.to_bytes());
        // Sent by `call`, as by a service that writes at once.
        let number = world.lock().send(caller, password);
        let pending = Pending {
            world,
            caller,
            number,
        };
        Box::pin(async move { pending.response(password).await })
    }
}

impl Pending {
    async fn response(self, password: u32) -> Result<Response<String>, BoxError> {
        let (number, caller) = (self.number, self.caller);
        let (fault, arrival) = self.world.lock().send_off(caller, number);
        let response = match fault {
            Some(Fault::NotSent) => Err(NotSent::new("no connection").into()),
            Some(Fault::Reset) => Err("reset".into()),
            Some(Fault::Lost) => std::future::pending().await,
            Some(Fault::LostReply | Fault::ResetReply) | None => {
                let handle =
                    move |world: &mut World| world.carry_out(caller, number, password, fault);
                self.world.exchange(Some(arrival), handle).await
            }
        };
        let mut world = self.world.lock();
        let at = caller.clock.time();
        match &response {
            Ok(_) => world.history.read(number, at),
            Err(_) if matches!(fault, Some(Fault::NotSent)) => world.history.not_sent(number),
            Err(_) => {}
        }
        world.step(at, caller.replica, Step::ResponseReceived);
        drop(world);
        response
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let at = self.caller.clock.time();
        self.world.lock().history.close(self.number, at);
    }
}

async fn probe(world: &Shared, caller: Caller) -> Response<String> {
    let arrival = {
        let mut world = world.lock();
        let (at, loss) = (caller.clock.time(), world.plan.network.server_loss);
        let is_lost = world.chance(loss);
        let lost = if is_lost { " (lost)" } else { "" };
        world.note(at, format_args!("r{} probes{lost}", caller.replica));
        (!is_lost).then(|| at + world.way(200, 1_000))
    };
    let handle = |world: &mut World| Some(((), world.way(200, 1_000)));
    world.exchange(arrival, handle).await;
    let response = Response::builder().status(401).body(String::new());
    response.unwrap()
}

type Carried = Option<(Result<Response<String>, BoxError>, Millis)>;

impl World {
    /// Sends a token request, and returns its number.
    fn send(&mut self, caller: Caller, password: u32) -> usize {
        let at = caller.clock.time();
        self.history.send(caller.process, password, at)
    }

    /// Returns the fault of a token request on its way, and when it arrives.
    fn send_off(&mut self, caller: Caller, number: usize) -> (Option<Fault>, Millis) {
        let at = caller.clock.time();
        let network = self.plan.network;
        let fault = self.chance(network.server_loss).then(|| {
            use Fault::{Lost, LostReply, NotSent, Reset, ResetReply};
            [NotSent, Reset, Lost, LostReply, LostReply, ResetReply][self.rng.usize(..6)]
        });
        let way = match self.chance(network.late) {
            // After its lease, by the clock of the replica that sent it.
            true => self.rng.u64(14_000..60_000),
            // Within it.
            false => self.way(200, 9_000),
        };
        let request = self.history.describe(number);
        let fault_is = fault
            .map(|fault| format!(" ({fault:?})"))
            .unwrap_or_default();
        self.note(
            at,
            format_args!("r{} -> server {request}{fault_is}", caller.replica),
        );
        self.step(at, caller.replica, Step::RequestSent);
        (fault, at + way)
    }

    /// Carries out a token request that has arrived.
    fn carry_out(
        &mut self,
        caller: Caller,
        number: usize,
        password: u32,
        fault: Option<Fault>,
    ) -> Carried {
        let at = self.now;
        self.history.arrived(number, at);
        let (meaning, response) = self.respond(number, password);
        self.history.responded(number, meaning);
        let (status, failures) = (response.status(), self.server.failures.clone());
        self.note(
            at,
            format_args!(
                "server -> r{} request {number}: {status} {}, {meaning:?}, failures {failures:?}",
                caller.replica,
                response.body(),
            ),
        );
        self.step(at, caller.replica, Step::RequestDone);
        match fault {
            Some(Fault::LostReply) => None,
            Some(_) => Some((Err("reset".into()), 1)),
            None => Some((Ok(response), self.way(200, 5_000))),
        }
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
        let at = self.caller.clock.time();
        let mut world = self.world.lock();
        let leeway = match world.plan.issuer {
            Issuer::Reusing => ROUNDING,
            Issuer::Fresh | Issuer::Revoking => 0,
        };
        let leeway = leeway + world.registers.set_back;
        let expiry = world.server.expiry(token);
        if expiry.is_none_or(|expiry| at >= expiry + leeway) {
            let replica = self.caller.replica;
            world.history.violated(format!(
                "r{replica} attached {token} at {at}, which expires at {expiry:?}"
            ));
        }
        let status = if world.server.accepts(token, at) {
            200
        } else {
            401
        };
        let response = Response::builder().status(status).body(String::new());
        ready(Ok(response.unwrap()))
    }
}

fn password(form: &[u8]) -> u32 {
    let form = std::str::from_utf8(form).unwrap();
    let (_, rest) = form.split_once("password=password-").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}
