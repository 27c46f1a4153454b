//! The token server, and the requests on their way to it.

use enkash_auth_core::account::{AttemptId, AttemptOutcome};

use crate::{
    rules::Rule,
    world::{LEASE, Stage, World},
};

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Server {
    pub(crate) right: u8,
    /// Consecutive failed attempts. It is the server's own count, and it locks at three.
    pub(crate) failures: u8,
}

/// A token request that the server may process.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Request {
    pub(crate) id: AttemptId,
    pub(crate) owner: u8,
    pub(crate) life: u8,
    pub(crate) credentials: u8,
    pub(crate) began: u64,
    pub(crate) is_unstored: bool,
    /// The clock was checked in time. If the first byte left later, the process was stopped.
    pub(crate) is_in_time: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Reply {
    Arrives,
    IsLost,
    /// An unrecognised 4xx.
    IsBlurred,
    /// A 502 instead of it.
    IsGateway,
}

/// The server processes the request `id`, and responds.
pub(crate) fn handle(off: Option<Rule>, w: &mut World, id: AttemptId, reply: Reply) {
    let Some(at) = w.requests.iter().position(|request| request.id == id) else {
        return;
    };
    let is_waited_for = w.waits(id);
    let request = w.requests.remove(at);
    let p = usize::from(request.owner);
    let is_known_good = w.processes[p]
        .attempt
        .as_ref()
        .is_some_and(|own| own.permit.id() == id && own.permit.is_known_good());
    let response = if w.server.failures >= 3 {
        AttemptOutcome::Locked
    } else if request.credentials == w.server.right {
        w.server.failures = 0;
        w.history.clear_counts();
        AttemptOutcome::Granted
    } else {
        w.server.failures += 1;
        let history = &mut w.history;
        match reply {
            _ if request.is_in_time && w.now >= request.began + LEASE => history.late += 1,
            Reply::IsGateway => history.gateways += 1,
            _ if request.is_unstored => history.unstored[p] += 1,
            _ => history.strike(id),
        }
        AttemptOutcome::Rejected { guessed: false }
    };
    if !is_waited_for {
        return;
    }
    let unresolved = |complete| AttemptOutcome::Unresolved { complete };
    let outcome = match reply {
        Reply::Arrives => response,
        Reply::IsLost => return give_up(w, p),
        Reply::IsBlurred => {
            w.budget.blurred -= 1;
            match is_known_good {
                _ if off == Some(Rule::OnlyLost) => unresolved(false),
                _ if off == Some(Rule::GuessRejection) => unresolved(true),
                true => unresolved(true),
                false => AttemptOutcome::Rejected { guessed: true },
            }
        }
        Reply::IsGateway => {
            w.budget.gateways -= 1;
            AttemptOutcome::Uncounted
        }
    };
    // The response counts as it is, however it is classified.
    if let Some(own) = &mut w.processes[p].attempt {
        own.rejection = match (reply, response) {
            (Reply::IsBlurred, _) if !is_known_good => Some(true),
            (Reply::Arrives, AttemptOutcome::Rejected { .. }) => Some(false),
            _ => None,
        };
    }
    end(w, p, outcome);
}

/// The owner has the outcome of its attempt.
fn end(w: &mut World, p: usize, outcome: AttemptOutcome) {
    let Some(own) = &mut w.processes[p].attempt else {
        return;
    };
    own.stage = Stage::Ended(outcome);
    let id = own.permit.id();
    for begun in w.history.begun.iter_mut().filter(|begun| begun.id == id) {
        begun.is_uncounted = outcome == AttemptOutcome::Uncounted;
    }
}

/// The response is lost, or process `p` does not wait for it any longer.
pub(crate) fn give_up(w: &mut World, p: usize) {
    if w.wire_up {
        w.budget.lost -= 1;
    }
    if let Some(own) = &w.processes[p].attempt {
        w.history
            .lose_response(w.processes[p].credentials, own.had_probe);
    }
    end(w, p, AttemptOutcome::Unresolved { complete: false });
}
