use std::{fmt, time::Duration};

use enkash_auth_core::{
    AccountKey, Clock, Grant,
    account::{self, Acquire, Attempt, AttemptOutcome, BUDGET, Facts},
    lifetime::Schedule,
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    FetchContext, Permit, Process, StoredToken,
    down::Down,
    opened::Opened,
    record_polls::RecordPolls,
    records::{Records, TRIES, pause},
};
use crate::{
    Error, ErrorKind, RefreshPolicy,
    endpoint::TokenEndpoint,
    meter::Meter,
    store::{Liveness, OnStoreDown, Store},
    sync::Arc,
    time::Time,
};

/// Extends a lease beyond the fetch timeout: time for a probe, for the calls of the store, and for clocks
/// that run at different rates.
const LEASE_GRACE: Duration = Duration::from_secs(6);

/// Sets how often a reset polls for the end of the attempt in flight.
const RESET_POLL: Duration = Duration::from_millis(250);

/// Represents what a fetch may do.
type Acquired = Acquire<Permit, StoredToken, Error>;

/// Runs the permit protocol, for any number of accounts.
pub struct Attempts {
    records: Records,
    on_store_down: OnStoreDown,
    lease: Duration,
    retry_unresolved_after: Option<Duration>,
    polls: RecordPolls,
    meter: Meter,
}

impl Attempts {
    /// Creates the protocol over `store`, or over what `process` witnessed alone.
    pub fn new(
        store: Option<Arc<dyn Store>>,
        on_store_down: OnStoreDown,
        process: Process,
        clock: Time,
        policy: &RefreshPolicy,
    ) -> Arc<Self> {
        Arc::new(Self {
            records: Records::new(store, process, clock),
            on_store_down,
            lease: policy.fetch_timeout.saturating_add(LEASE_GRACE),
            retry_unresolved_after: policy.retry_unresolved_after,
            polls: RecordPolls::default(),
            meter: Meter::default(),
        })
    }

    /// Returns the facts of the account, as last seen.
    pub fn facts(&self, account: AccountKey) -> Facts {
        let witness = self.records.witness(account);
        let witness = witness.lock();
        witness.facts().clone()
    }

    /// Remembers `account`: see [`Process::remember`].
    pub fn remember(&self, account: AccountKey, count: &mut usize, max: usize) -> bool {
        self.records.process().remember(account, count, max)
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Decides whether the fetch may send its credentials, by its deadline.
    pub async fn acquire(self: &Arc<Self>, ctx: &FetchContext<'_>) -> Acquired {
        let mut decided = None;
        let acquired = timeout_at(ctx.deadline, self.try_acquire(ctx, &mut decided)).await;
        let acquired = match acquired {
            Ok(Ok(acquired)) => acquired,
            Ok(Err(down)) => self.without_store(ctx, down),
            Err(_) => decided.unwrap_or_else(|| Acquire::Denied(too_slow())),
        };
        self.keep_polling(ctx.endpoint.account());
        acquired
    }

    /// Sets `decided` to a decision that holds whether or not the facts can be written, while they are.
    async fn try_acquire(
        &self,
        ctx: &FetchContext<'_>,
        decided: &mut Option<Acquired>,
    ) -> Result<Acquired, Down> {
        let account = ctx.endpoint.account();
        let mut uses_guard = true;
        for _ in 0..TRIES {
            let mut opened = self.records.open(account).await?;
            if let Some(token) = self.token(ctx, &opened) {
                *decided = Some(Acquire::Token(token));
                let _ = self.records.write(&opened).await;
                break;
            }
            // In the queue of the store, or while other writes came first.
            if ctx.send_before.has_passed(self.records.clock().now()) {
                break;
            }
            let request = ctx.request(self.lease, self.retry_unresolved_after)?;
            let seen = opened.facts().clone();
            *decided = Some(match opened.acquire(&request) {
                Acquire::Granted(_) | Acquire::Probe if !ctx.may_begin => {
                    opened.revert(seen);
                    Acquire::Busy(None)
                }
                Acquire::Granted(permit) => {
                    let liveness = match uses_guard {
                        true => self.records.hold(account, request.id).await,
                        false => Ok(None),
                    };
                    let Ok(liveness) = liveness else {
                        // The guard may be acquired late, and dropped, which shows this id dead: another id is
                        // used, without one.
                        uses_guard = false;
                        continue;
                    };
                    // Meanwhile another cache of the process may have made an attempt without the store.
                    let begun = self.begin(ctx, &opened, &seen, permit, liveness).await?;
                    if let Some(permit) = begun {
                        return Ok(Acquire::Granted(permit));
                    }
                    pause().await;
                    continue;
                }
                Acquire::Probe => Acquire::Probe,
                Acquire::Busy(lease) => Acquire::Busy(lease),
                Acquire::Denied(failure) => Acquire::Denied(failure.into()),
            });
            match self.records.write(&opened).await {
                Ok(true) => break,
                Ok(false) => {
                    *decided = None;
                    pause().await;
                }
                Err(_) => {
                    self.meter.store_failed(account);
                    break;
                }
            }
        }
        // Without a decision the store works, so nothing is sent without it.
        Ok(decided.take().unwrap_or(Acquire::Busy(None)))
    }

    /// Writes an attempt that was permitted on the facts `seen`. Returns `None` if another came first.
    async fn begin(
        &self,
        ctx: &FetchContext<'_>,
        opened: &Opened,
        seen: &Facts,
        permit: account::Permit,
        liveness: Option<Liveness>,
    ) -> Result<Option<Permit>, Down> {
        let (before, id) = (ctx.send_before, permit.id());
        let (clock, now) = (self.records.clock(), self.records.clock().now());
        let _beginning = {
            let mut witness = opened.witness().lock();
            let mut facts = seen.clone();
            facts.merge(witness.facts());
            // Another cache of the process may have begun an attempt since, in the store or without it.
            if facts != *seen {
                return Ok(None);
            }
            let process = self.records.process();
            let Some(beginning) = process.begin(ctx.endpoint.account(), id, before, now) else {
                return Ok(None);
            };
            witness.begin(id);
            beginning
        };
        let permit = Permit::new(permit, opened.witness(), clock, before, liveness, true);
        if self.records.write(opened).await? {
            return Ok(Some(permit));
        }
        permit.withdraw();
        Ok(None)
    }

    /// Records how the attempt of `permit` ended, and stores the token of `grant` if the attempt is still
    /// open. Returns whether it was.
    ///
    /// If the store is not written `by` then, the witness has the outcome, for the next write.
    pub async fn record(
        self: &Arc<Self>,
        endpoint: &TokenEndpoint,
        permit: Permit,
        outcome: AttemptOutcome,
        grant: Option<&Grant>,
        by: Instant,
    ) -> bool {
        permit.set_outcome(outcome);
        let recorded = match permit.stored_id() {
            Some(_) => {
                let recording = self.record_in_store(endpoint, &permit, outcome, grant);
                let recorded = timeout_at(by, recording).await;
                recorded.unwrap_or_else(|_| Err("the store was too slow or too busy".into()))
            }
            // The next write stores it.
            None => Ok(None),
        };
        let is_accepted = recorded.unwrap_or_else(|down| {
            self.meter.store_failed(endpoint.account());
            if let Down::Unavailable(error) = down {
                tracing::warn!(
                    error = &*error,
                    "token store unavailable; the outcome of the attempt is recorded later"
                );
            }
            None
        });
        let account = endpoint.account();
        match is_accepted {
            Some(_) => self.polls.stop(account, || self.is_quiet(account)),
            None => self.end(account, permit, outcome),
        }
        self.keep_polling(account);
        is_accepted.unwrap_or(true)
    }

    /// Leaves the outcome of an attempt to the next write, and keeps its guard until then.
    pub fn end(&self, account: AccountKey, permit: Permit, outcome: AttemptOutcome) {
        self.records.keep(account, permit.end(outcome));
    }

    /// Returns whether the attempt was still open.
    async fn record_in_store(
        &self,
        endpoint: &TokenEndpoint,
        permit: &Permit,
        outcome: AttemptOutcome,
        grant: Option<&Grant>,
    ) -> Result<Option<bool>, Down> {
        let permitted = permit.inner();
        let record = |opened: &mut Opened| {
            let is_accepted = opened.record_outcome(permitted, outcome);
            if let Some(grant) = grant.filter(|_| is_accepted && self.records.are_stored()) {
                opened.keep_token(endpoint, permitted, grant, self.records.clock().now())?;
            }
            Ok(is_accepted)
        };
        let (is_accepted, opened) = self.records.update(endpoint.account(), record).await?;
        permit.ended();
        opened.observe_without(permitted.id());
        Ok(Some(is_accepted))
    }

    /// Clears the attempts that count and the fingerprints that were rejected by guess, or all if
    /// `allow_rejected`. Waits for the lease of an attempt that may still arrive at the server.
    pub async fn reset(
        self: &Arc<Self>,
        account: AccountKey,
        allow_rejected: bool,
    ) -> Result<(), Error> {
        let mut before = None;
        let mut reset = |opened: &mut Opened| {
            // The facts at the call: attempts and responses while this waits still count.
            let before = before.get_or_insert_with(|| opened.facts().clone());
            Ok(opened.reset(before, allow_rejected))
        };
        while !self.records.update(account, &mut reset).await?.0 {
            sleep(RESET_POLL).await;
        }
        self.keep_polling(account);
        Ok(())
    }

    /// Merges what this process witnessed into the record, and the record into what it witnessed.
    pub async fn poll_record(self: &Arc<Self>, account: AccountKey) -> Result<(), Error> {
        self.records.update(account, |_| Ok(())).await?;
        self.keep_polling(account);
        Ok(())
    }

    /// Ensures that a task polls the record of `account`, if there is a reason to.
    pub fn keep_polling(self: &Arc<Self>, account: AccountKey) {
        if self.records.are_stored() && !self.is_quiet(account) {
            self.polls.start(self, account, self.is_reported(account));
        }
    }

    pub fn polls(&self) -> &RecordPolls {
        &self.polls
    }

    /// Returns whether this process has no reason to poll the record.
    pub fn is_quiet(&self, account: AccountKey) -> bool {
        let witness = self.records.witness(account);
        witness.lock().is_quiet()
    }

    /// Returns whether an attempt of this process is in flight.
    pub fn is_attempting(&self, account: AccountKey) -> bool {
        let witness = self.records.witness(account);
        let witness = witness.lock();
        // Those of others are not witnessed while they are open.
        witness.facts().attempts().iter().any(Attempt::is_open)
    }

    /// Returns whether the store has all that this process witnessed.
    pub fn is_reported(&self, account: AccountKey) -> bool {
        let witness = self.records.witness(account);
        let witness = witness.lock();
        !witness.is_ahead() && !witness.has_unstored()
    }

    /// Returns the token of the record, if the fetch has not seen it and it can be attached.
    fn token(&self, ctx: &FetchContext<'_>, opened: &Opened) -> Option<StoredToken> {
        if !self.records.are_stored() {
            return None;
        }
        let now = self.records.clock().now();
        let token = opened.token(ctx.endpoint, ctx.newest_seen)?;
        let schedule = Schedule::new(&token.lifetime, &ctx.policy.state_policy(), 0.0)?;
        (!schedule.deadline().has_passed(now)).then_some(token)
    }

    /// Decides what the fetch may do while the store is down, on what this process witnessed.
    fn without_store(&self, ctx: &FetchContext<'_>, down: Down) -> Acquired {
        let account = ctx.endpoint.account();
        self.meter.store_failed(account);
        let is_newer = matches!(down, Down::Newer) || self.records.is_newer(account);
        let request = match ctx.request(self.lease, self.retry_unresolved_after) {
            Ok(request) if !is_newer && self.on_store_down != OnStoreDown::Hold => request,
            _ => return Acquire::Denied(down.into()),
        };
        let (witness, now) = (self.records.witness(account), self.records.clock().now());
        let mut own = witness.lock();
        let mut facts = own.facts().clone();
        own.see(&facts, now);
        // One attempt that may count, and then none until the store has recorded it.
        let may_attempt = self.on_store_down == OnStoreDown::Attempt
            || facts.is_known_good(ctx.endpoint.credentials())
                && facts.attempts().len() < BUDGET
                && !own.has_unstored()
                && !self.records.has_unstored(account, &facts);
        match facts.acquire(&request, &own, now) {
            // The store may be writing it concurrently.
            Acquire::Granted(_) if self.records.process().is_beginning(account, now) => {
                Acquire::Busy(None)
            }
            Acquire::Granted(_) | Acquire::Probe if !ctx.may_begin => Acquire::Busy(None),
            Acquire::Granted(permit) if may_attempt => {
                own.see(&facts, now);
                own.begin_unstored(permit.id(), &facts);
                drop(own);
                self.records.begin_unstored(account, permit.id());
                if let Down::Unavailable(error) = &down {
                    let error = &**error;
                    tracing::warn!(error, "token store unavailable; continuing without it");
                }
                let (before, clock) = (ctx.send_before, self.records.clock());
                Acquire::Granted(Permit::new(permit, &witness, clock, before, None, false))
            }
            Acquire::Probe if may_attempt => Acquire::Probe,
            Acquire::Granted(_) | Acquire::Probe => {
                drop(own);
                Acquire::Denied(down.into())
            }
            Acquire::Busy(lease) => Acquire::Busy(lease),
            Acquire::Denied(failure) => Acquire::Denied(failure.into()),
        }
    }
}

fn too_slow() -> Error {
    let detail = "the store was too slow or too busy for an attempt to begin in time";
    Error::new(ErrorKind::Unavailable, detail)
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts")
            .field("on_store_down", &self.on_store_down)
            .finish_non_exhaustive()
    }
}
