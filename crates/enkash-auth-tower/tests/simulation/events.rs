//! What can happen.

use enkash_auth_tower::BoxError;
use http::Response;
use tokio::sync::oneshot::Sender;

use crate::{
    plan::Outage,
    shelf::{Answer, Order},
    world::Who,
};

pub(crate) enum Event {
    /// A message has arrived at the store.
    ToStore(Who, Order, Sender<Result<Answer, BoxError>>),
    /// Its answer has arrived.
    FromStore(
        Who,
        Result<Answer, BoxError>,
        Sender<Result<Answer, BoxError>>,
    ),
    /// The token request of that number has arrived.
    ToIssuer(Who, u64, Sender<Result<Response<String>, BoxError>>),
    FromIssuer(
        Who,
        Result<Response<String>, BoxError>,
        Sender<Result<Response<String>, BoxError>>,
    ),
    Outage(Option<Outage>),
    /// Somebody calls the API through a replica.
    Call(usize),
    /// A replica that stood still goes on.
    Resume(usize, usize),
    /// A replica that was killed is started again.
    Restart(usize),
    /// All faults end.
    Quiet,
    /// The password is changed at the issuer.
    Rotate,
    /// A replica is told the right password.
    Tell(usize),
    /// An operator sees to the account.
    Amnesty,
    /// From here on the replicas have to serve before long.
    Recover,
    /// They have to serve now; `true` where there is no excuse.
    Served(bool),
    End,
}
