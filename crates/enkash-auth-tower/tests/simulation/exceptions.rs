//! When the server may count a third failure in a row: the exceptions of the README, as predicates on the
//! history of the environment. 6 (one account under two names) and 7 (more than 16 rejected passwords) are not
//! simulated.

use enkash_auth_tower::OnStoreDown;

use crate::{
    clock::Millis,
    history::{History, TokenRequest},
    server::Meaning,
};

/// The fetch timeout and 6 s.
const LEASE: Millis = 14_000;

/// The backoff of known good credentials after more than one attempt without a response.
const PAUSE: Millis = 15 * 60_000;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Exception {
    /// 1: the password has changed, the first two responses were lost, and 15 minutes have passed.
    TwoLost = 1,
    /// 2: the store is down, and the password has changed: one attempt of each replica.
    StoreDown = 2,
    /// 3: the processes are configured to continue without the store.
    OwnRecord = 3,
    /// 4: the record was lost or split.
    RecordLost = 4,
    /// 5: a request was carried out after its lease.
    Late = 5,
    /// The assumption: the server has counted a request although its response says otherwise.
    Belied = 7,
}

/// Returns why the server may have counted three `failures` in a row.
pub(crate) fn exception(history: &History, failures: [usize; 3]) -> Option<Exception> {
    let mut failures = failures.map(|number| &history.requests[number]);
    failures.sort_by_key(|request| request.sent);
    let [first, second, last] = failures;
    if failures.iter().any(|request| is_late(request)) {
        return Some(Exception::Late);
    }
    if [first, second].into_iter().any(is_belied) {
        return Some(Exception::Belied);
    }
    let unknown = |request: &&&TokenRequest| !last.seen.attempts.contains(request.attempt);
    let unknown: Vec<_> = [first, second].iter().filter(unknown).copied().collect();
    if unknown.is_empty() {
        return has_backed_off(history, failures).then_some(Exception::TwoLost);
    }
    unknown.into_iter().find_map(|request| {
        without_store(history, request, last, failures)
            .or_else(|| was_lost(history, request, last).then_some(Exception::RecordLost))
    })
}

fn is_late(request: &TokenRequest) -> bool {
    let lease = request.began + LEASE;
    request.arrived.is_none_or(|arrived| arrived >= lease)
}

fn is_belied(request: &TokenRequest) -> bool {
    request.is_counted && request.meaning == Some(Meaning::Uncounted)
}

fn has_backed_off(history: &History, [first, second, last]: [&TokenRequest; 3]) -> bool {
    let was_right = history.granted.contains(&last.password);
    let are_lost = [first, second]
        .into_iter()
        .all(|request| request.read.is_none() && request.password == last.password);
    was_right && are_lost && last.sent >= second.sent + PAUSE
}

/// Returns the exception if the process of `last` had not seen `request` because one of them was sent without
/// the store.
fn without_store(
    history: &History,
    request: &TokenRequest,
    last: &TokenRequest,
    failures: [&TokenRequest; 3],
) -> Option<Exception> {
    let mut unstored = [request, last]
        .into_iter()
        .filter(|request| request.is_unstored);
    let first = unstored.next()?;
    if history.on_store_down == OnStoreDown::Attempt {
        return Some(Exception::OwnRecord);
    }
    let were_right = unstored
        .chain([first])
        .all(|request| history.granted.contains(&request.password));
    let mut pairs = failures.iter().enumerate();
    // A process makes one attempt until the store has it.
    let is_second = pairs.any(|(nth, two)| {
        two.is_unstored
            && failures[..nth].iter().any(|one| {
                one.is_unstored && one.process == two.process && !two.stored.contains(one.attempt)
            })
    });
    (history.on_store_down == OnStoreDown::KnownGood && were_right && !is_second)
        .then_some(Exception::StoreDown)
}

/// Returns whether the record, or one side of a split, was lost between the two.
fn was_lost(history: &History, request: &TokenRequest, last: &TokenRequest) -> bool {
    let mut losses = history.losses.iter();
    let began = request.began.min(last.began);
    losses.any(|(since, until)| *since <= last.sent && *until >= began)
}
