use std::{fmt, time::Duration};

use enkash_auth_core::{
    AccountKey, Clock, Error, ErrorKind, Grant, Moment, RefreshPolicy,
    account::{
        self, AccountRecord, Acquire, AttemptContext, AttemptId, AttemptOutcome, BUDGET, Facts,
        Unreadable, Witness,
    },
    lifetime::Schedule,
};
use tokio::time::{sleep, timeout};

use super::{
    AccountCredentials, Permit, Process, StoredToken,
    looks::Looks,
    permit::PermittedAttempt,
    seal::{open, seal},
};
use crate::{
    BoxError, meter,
    store::{Liveness, MemoryStore, OnStoreDown, STORE_TIMEOUT, Store, StoreFuture},
    sync::{Arc, Mutex, Weak},
    time::Time,
};

/// How much longer than the fetch limit a lease lasts: time for a probe, for the calls of the store, and
/// for clocks that run at different rates.
const LEASE_GRACE: Duration = Duration::from_secs(6);

/// How many times a write is tried while others come first.
const TRIES: u32 = 64;

/// How often a reset polls for the end of the attempt in flight.
const RESET_POLL: Duration = Duration::from_millis(250);

/// Runs the permit protocol of one cache.
pub(crate) struct Attempts {
    store: Arc<dyn Store>,
    /// Whether the store is one that other processes, or other caches by choice, share.
    is_shared: bool,
    on_store_down: OnStoreDown,
    process: Process,
    clock: Time,
    lease: Duration,
    retry_unresolved_after: Option<Duration>,
    pub(super) looks: Looks,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The permit of the newest fetch.
    current: Option<Weak<PermittedAttempt>>,
    /// The token that the cache holds, if it is one of the store.
    held: Option<(AccountCredentials, AttemptId)>,
    /// Whether the record was last seen in a newer format.
    is_newer: bool,
    /// The guards of attempts that have ended, kept until the store has their outcome.
    unreported: Vec<Liveness>,
}

/// Describes a fetch that asks to send its credentials.
pub(crate) struct FetchContext<'a> {
    pub(crate) account: &'a AccountCredentials,
    pub(crate) policy: &'a RefreshPolicy,
    /// When the fetch ends, on both clocks.
    pub(crate) send_before: Moment,
    /// The newest token that it has seen, which is not returned again.
    pub(crate) newest_seen: Option<AttemptId>,
    /// Whether the server has just responded to a probe.
    pub(crate) probe: Option<bool>,
    /// Whether enough time is left for an attempt; if not, only another's token is waited for.
    pub(crate) may_begin: bool,
}

/// Says what a fetch may do.
pub(crate) enum Acquired {
    /// Send the credentials, once.
    Permit(Permit),
    /// Use the token that another fetch obtained.
    Token(StoredToken),
    /// Send a probe, and acquire again with its result.
    Probe,
    /// Wait: another attempt is in flight.
    Busy,
    /// Fail: nothing is sent.
    Denied(Error),
}

/// Counts the attempts of an account that count, without those in flight.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Strikes {
    pub(crate) rejected: usize,
    pub(crate) unresolved: usize,
}

/// Holds a record as it was loaded, and with what this process witnessed added.
struct Opened {
    account: AccountKey,
    bytes: Option<Vec<u8>>,
    /// As it was loaded; `None` if it has to be replaced.
    before: Option<AccountRecord>,
    record: AccountRecord,
    /// Our clocks before the load: no later than the store's reading.
    asked: Moment,
    /// Our monotonic clock, and the store's wall clock.
    now: Moment,
    witness: Arc<Mutex<Witness>>,
}

/// Says why the store cannot be used.
enum Down {
    Unavailable(BoxError),
    Newer,
}

impl Attempts {
    /// Creates the protocol over `store`, or over the store of the process.
    pub(crate) fn new(
        store: Option<Arc<dyn Store>>,
        on_store_down: OnStoreDown,
        process: Process,
        clock: Time,
        policy: &RefreshPolicy,
    ) -> Arc<Self> {
        Arc::new(Self {
            is_shared: store.is_some(),
            store: store.unwrap_or_else(|| MemoryStore::of_process()),
            on_store_down,
            process,
            clock,
            lease: policy.fetch_timeout.saturating_add(LEASE_GRACE),
            retry_unresolved_after: policy.retry_unresolved_after,
            looks: Looks::default(),
            state: Mutex::default(),
        })
    }

    /// Returns how many attempts count, as last seen.
    pub(crate) fn strikes(&self, account: AccountKey) -> Strikes {
        let witness = self.process.witness(account);
        let witness = witness.lock();
        let facts = witness.facts();
        let open = facts.attempts().iter().filter(|attempt| attempt.is_open());
        let rejected = facts.rejected_attempts();
        Strikes {
            rejected,
            unresolved: facts.attempts().len() - rejected - open.count(),
        }
    }

    /// Returns the attempt whose token the cache holds, if it is one of the store.
    pub(crate) fn held(&self, account: &AccountCredentials) -> Option<AttemptId> {
        let state = self.state.lock();
        let (holder, id) = state.held.as_ref()?;
        holder.is(account).then_some(*id)
    }

    /// Records that the cache now holds the token of the attempt `id`.
    pub(crate) fn hold(&self, account: &AccountCredentials, id: Option<AttemptId>) {
        let held = id.map(|id| (account.clone(), id));
        let old = std::mem::replace(&mut self.state.lock().held, held);
        drop(old);
    }

    /// Begins a fetch. If the one before was abandoned, its attempt is ended: it sends nothing from now on.
    pub(crate) fn begin_fetch(&self) {
        let abandoned = self.state.lock().current.take();
        if let Some(attempt) = abandoned.and_then(|attempt| attempt.upgrade()) {
            attempt.end();
        }
    }

    /// Asks whether the fetch may send its credentials.
    pub(crate) async fn acquire(self: &Arc<Self>, ctx: &FetchContext<'_>) -> Acquired {
        let (acquired, is_reported) = match self.ask(ctx).await {
            Ok(acquired) => acquired,
            Err(down) => (self.without_store(ctx, down), false),
        };
        if let Acquired::Permit(permit) = &acquired {
            self.state.lock().current = Some(Arc::downgrade(permit.attempt()));
        }
        self.keep_looking(ctx.account.key(), is_reported);
        acquired
    }

    /// Decides what the fetch may do. Returns also whether the store has all that this process witnessed.
    async fn ask(&self, ctx: &FetchContext<'_>) -> Result<(Acquired, bool), Down> {
        let mut shows_life = true;
        for tries in 0..TRIES {
            if tries > 0 && ctx.send_before.is_over(self.clock.now()) {
                break;
            }
            let mut opened = self.open(ctx.account.key()).await?;
            if let Some(token) = self.token(ctx, &opened) {
                // The token is good whether or not the facts can be written now.
                let is_reported = self.write(&opened).await.is_ok();
                return Ok((Acquired::Token(token), is_reported));
            }
            let request = self.request(ctx)?;
            let seen = opened.record.clone();
            let denied = match opened.acquire(&request) {
                Acquire::Granted(_) | Acquire::Probe if !ctx.may_begin => {
                    opened.record = seen;
                    Acquired::Busy
                }
                Acquire::Granted(permit) => {
                    let liveness = match shows_life {
                        true => self.liveness(ctx.account.key(), request.id).await,
                        false => Ok(None),
                    };
                    let Ok(liveness) = liveness else {
                        // The guard may still come, and end at once: another id is used, without a guard.
                        shows_life = false;
                        continue;
                    };
                    // Meanwhile another cache of the process may have made an attempt without the store.
                    if let Some(permit) = self.begin(ctx, &opened, &seen, permit, liveness).await? {
                        return Ok((Acquired::Permit(permit), true));
                    }
                    pause().await;
                    continue;
                }
                Acquire::Probe => Acquired::Probe,
                Acquire::Busy => Acquired::Busy,
                Acquire::Denied(error) => Acquired::Denied(error),
            };
            // The decision holds whether or not the facts can be written.
            match self.write(&opened).await {
                Ok(true) => return Ok((denied, true)),
                Ok(false) => pause().await,
                Err(_) => {
                    meter::store_failed(ctx.account.key());
                    return Ok((denied, false));
                }
            }
        }
        // The store works, so nothing is done without it.
        Ok((Acquired::Busy, true))
    }

    /// Writes an attempt that was permitted on what was `seen`. Returns `None` if another came first.
    async fn begin(
        &self,
        ctx: &FetchContext<'_>,
        opened: &Opened,
        seen: &AccountRecord,
        permit: account::Permit,
        liveness: Option<Liveness>,
    ) -> Result<Option<Permit>, Down> {
        let (now, before) = (self.clock.now(), ctx.send_before);
        let _beginning = {
            let mut witness = opened.witness.lock();
            let mut facts = seen.facts().clone();
            facts.merge(witness.facts());
            // Another cache of the process may have begun an attempt since, in the store or without it.
            let beginning = (facts == *seen.facts())
                .then(|| self.process.begin(opened.account, permit.id(), before, now));
            let Some(Some(beginning)) = beginning else {
                return Ok(None);
            };
            witness.begin(permit.id());
            beginning
        };
        let witness = &opened.witness;
        let permit = Permit::new(permit, witness, &self.clock, before, liveness, true);
        if self.write(opened).await? {
            return Ok(Some(permit));
        }
        permit.withdraw();
        Ok(None)
    }

    /// Records how the attempt of `permit` ended, and keeps the token of `grant` if the attempt is still
    /// open. Returns whether it was.
    ///
    /// If the store cannot be reached, the witness has the outcome, and the store gets it with the next
    /// write.
    pub(crate) async fn record(
        self: &Arc<Self>,
        account: &AccountCredentials,
        permit: Permit,
        outcome: AttemptOutcome,
        grant: Option<&Grant>,
    ) -> bool {
        permit.know(outcome);
        let (recorded, is_reported) = if permit.stored_id().is_some() {
            let recorded = self.record_in_store(account, &permit, outcome, grant).await;
            let is_reported = recorded.is_ok();
            (recorded, is_reported)
        } else {
            // The next write brings it.
            (Ok(true), false)
        };
        let is_accepted = recorded.unwrap_or_else(|down| {
            meter::store_failed(account.key());
            let Down::Unavailable(error) = down else {
                return true;
            };
            tracing::warn!(
                error = &*error,
                "token store unavailable: the outcome of the attempt is recorded later"
            );
            true
        });
        if !is_reported {
            // The guard is kept until the store has the outcome.
            let liveness = permit.end(outcome);
            self.state.lock().unreported.extend(liveness);
        }
        self.keep_looking(account.key(), is_reported);
        is_accepted
    }

    async fn record_in_store(
        &self,
        account: &AccountCredentials,
        permit: &Permit,
        outcome: AttemptOutcome,
        grant: Option<&Grant>,
    ) -> Result<bool, Down> {
        for _ in 0..TRIES {
            let mut opened = self.open(account.key()).await?;
            let now = opened.now;
            let facts = opened.record.facts_mut();
            let is_accepted = facts.record_outcome(permit.inner(), outcome, now);
            if let Some(grant) = grant.filter(|_| is_accepted && self.is_shared) {
                self.keep_token(account, permit, grant, &mut opened)?;
            }
            if self.write(&opened).await? {
                permit.ended();
                opened.observe_without(permit.inner().id());
                return Ok(is_accepted);
            }
            pause().await;
        }
        Err(crowded())
    }

    /// Clears the attempts that count and the fingerprints that were rejected by guess, or all if
    /// `allow_rejected`. Waits for the lease of an attempt that may still arrive at the server.
    pub(crate) async fn reset(
        self: &Arc<Self>,
        account: AccountKey,
        allow_rejected: bool,
    ) -> Result<(), Error> {
        let mut conflicts = 0;
        let mut ids = None;
        loop {
            let mut opened = self.open(account).await.map_err(Down::into_error)?;
            // What counted when the operator acted: attempts made while this waits still count.
            let ids = ids.get_or_insert_with(|| opened.record.facts().resettable());
            let is_done = opened.reset(ids, allow_rejected);
            let is_written = self.write(&opened).await.map_err(Down::into_error)?;
            match (is_written, is_done) {
                (true, true) => {
                    self.keep_looking(account, true);
                    return Ok(());
                }
                (true, false) => {
                    conflicts = 0;
                    sleep(RESET_POLL).await;
                }
                (false, _) if conflicts == TRIES => return Err(crowded().into_error()),
                (false, _) => {
                    conflicts += 1;
                    pause().await;
                }
            }
        }
    }

    /// Adds what this process witnessed to the record, and records what others have written.
    pub(crate) async fn look(self: &Arc<Self>, account: AccountKey) -> Result<(), Error> {
        for _ in 0..TRIES {
            let opened = self.open(account).await.map_err(Down::into_error)?;
            if self.write(&opened).await.map_err(Down::into_error)? {
                self.keep_looking(account, true);
                return Ok(());
            }
            pause().await;
        }
        Err(crowded().into_error())
    }

    /// Returns whether the store is one that others share.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Returns whether this process has no reason to look at the record.
    pub(super) fn is_quiet(&self, account: AccountKey) -> bool {
        let witness = self.process.witness(account);
        witness.lock().is_quiet()
    }

    async fn open(&self, account: AccountKey) -> Result<Opened, Down> {
        let asked = self.clock.now();
        let loaded = limited(self.store.load(&account)).await?;
        let now = self.clock.now();
        let at = loaded.clock().unwrap_or(now.unix_nanos());
        let now = Moment::new(now.monotonic_nanos(), at);
        let bytes = loaded.record().map(<[u8]>::to_vec);
        let before = match bytes.as_deref() {
            None => Some(AccountRecord::default()),
            Some(bytes) => match AccountRecord::from_bytes(account, bytes) {
                Ok(record) => Some(record),
                Err(Unreadable::Newer) => {
                    self.state.lock().is_newer = true;
                    return Err(Down::Newer);
                }
                Err(why) => {
                    tracing::error!(%account, %why, "the account is closed until it is reset");
                    None
                }
            },
        };
        self.state.lock().is_newer = false;
        let record = match (&before, &bytes) {
            (None, Some(bytes)) => AccountRecord::in_place_of(bytes, now),
            (before, _) => before.clone().unwrap_or_default(),
        };
        let witness = self.process.witness(account);
        if let Some(before) = &before {
            // What was read is witnessed, whether or not it can be written back.
            witness.lock().observe(before.facts());
        }
        let mut opened = Opened {
            account,
            bytes,
            before,
            record,
            asked,
            now,
            witness,
        };
        opened.merge();
        for attempt in opened.attempts_of_others() {
            let is_dead = limited(self.store.is_dead(&account, attempt.id())).await;
            if matches!(is_dead, Ok(true)) {
                opened.witness.lock().note_death(&attempt);
                opened.merge();
            }
        }
        Ok(opened)
    }

    /// Writes the record if it has changed. Returns `false` if another write came first.
    async fn write(&self, opened: &Opened) -> Result<bool, Down> {
        let is_written = opened.before.as_ref() == Some(&opened.record) || {
            let mut write = [0; 16];
            getrandom::fill(&mut write).map_err(|error| Down::Unavailable(error.into()))?;
            let bytes = opened.record.to_bytes(opened.account, write);
            let bytes = bytes.map_err(|error| Down::Unavailable(error.into()))?;
            let current = opened.bytes.as_deref();
            limited(self.store.compare_and_set(&opened.account, current, &bytes)).await?
        };
        if is_written {
            let mut witness = opened.witness.lock();
            // Its own attempt as well, whose lease is counted from the load.
            witness.see(opened.record.facts(), opened.now);
            witness.observe(opened.record.facts());
            let is_reported = !witness.is_ahead();
            drop(witness);
            if is_reported {
                let shown = std::mem::take(&mut self.state.lock().unreported);
                drop(shown);
            }
        }
        Ok(is_written)
    }

    async fn liveness(
        &self,
        account: AccountKey,
        attempt: AttemptId,
    ) -> Result<Option<Liveness>, Down> {
        limited(self.store.hold(&account, attempt)).await
    }

    fn request<'a>(&self, ctx: &FetchContext<'a>) -> Result<AttemptContext<'a>, Down> {
        let mut random = [[0; 16]; 2];
        for bytes in &mut random {
            getrandom::fill(bytes).map_err(|error| Down::Unavailable(error.into()))?;
        }
        let [id, salt] = random;
        Ok(AttemptContext {
            id: AttemptId::new(id),
            salt,
            credentials: ctx.account.credentials(),
            lease: self.lease,
            retry_unresolved_after: self.retry_unresolved_after,
            probe: ctx.probe,
        })
    }

    /// Returns the token of the record, if the fetch has not seen it and it can be attached.
    fn token(&self, ctx: &FetchContext<'_>, opened: &Opened) -> Option<StoredToken> {
        let (id, sealed) = opened
            .record
            .token(ctx.account.credentials())
            .filter(|(id, _)| self.is_shared && Some(*id) != ctx.newest_seen)?;
        // A process that was stopped since the store read its clock must not take the token for younger.
        let (now, at) = (self.clock.now(), opened.now.unix_nanos());
        let token = open(ctx.account, id, &sealed, opened.asked, at);
        let token = token
            .inspect_err(|why| {
                let account = opened.account;
                tracing::warn!(%account, %why, "the stored token cannot be used");
            })
            .ok()?;
        let schedule = Schedule::new(&token.lifetime, ctx.policy, 0.0)?;
        (!schedule.deadline().is_over(now)).then_some(token)
    }

    fn keep_token(
        &self,
        account: &AccountCredentials,
        permit: &Permit,
        grant: &Grant,
        opened: &mut Opened,
    ) -> Result<(), Down> {
        let (now, at) = (self.clock.now(), opened.now.unix_nanos());
        let (bearer, lifetime) = (grant.bearer(), grant.lifetime());
        let sealed = seal(account, bearer, lifetime, now, at).map_err(Down::Unavailable)?;
        let left = u64::try_from(lifetime.remaining(now).as_nanos()).unwrap_or(u64::MAX);
        opened.record.keep_token(
            permit.inner(),
            account.credentials(),
            &sealed,
            at.saturating_add(left),
            opened.now,
        );
        Ok(())
    }

    /// Decides what the fetch may do while the store is down, on what this process witnessed.
    fn without_store(&self, ctx: &FetchContext<'_>, down: Down) -> Acquired {
        meter::store_failed(ctx.account.key());
        let is_newer = matches!(down, Down::Newer) || self.state.lock().is_newer;
        let request = match self.request(ctx) {
            Ok(request) if !is_newer && self.on_store_down != OnStoreDown::Hold => request,
            _ => return Acquired::Denied(down.into_error()),
        };
        let witness = self.process.witness(ctx.account.key());
        let acquired = {
            let mut own = witness.lock();
            let (mut facts, now) = (own.facts().clone(), self.clock.now());
            own.see(&facts, now);
            let may_attempt = match self.on_store_down {
                OnStoreDown::Attempt => true,
                // One attempt that may count, and then none until the store has recorded it.
                _ => {
                    facts.is_known_good(ctx.account.credentials())
                        && facts.attempts().len() < BUDGET
                        && !own.has_unstored()
                }
            };
            match facts.acquire(&request, &own, now) {
                // The store may be writing it just now.
                Acquire::Granted(_)
                    if !ctx.may_begin || self.process.is_beginning(ctx.account.key(), now) =>
                {
                    Acquire::Busy
                }
                Acquire::Granted(permit) if may_attempt => {
                    own.see(&facts, now);
                    own.begin_unstored(permit.id(), &facts);
                    Acquire::Granted(permit)
                }
                Acquire::Granted(_) | Acquire::Probe if !may_attempt => {
                    drop(own);
                    return Acquired::Denied(down.into_error());
                }
                other => other,
            }
        };
        match acquired {
            Acquire::Granted(permit) => {
                let before = ctx.send_before;
                let permit = Permit::new(permit, &witness, &self.clock, before, None, false);
                if let Down::Unavailable(error) = &down {
                    tracing::warn!(
                        error = &**error,
                        "token store unavailable: going on without it"
                    );
                }
                Acquired::Permit(permit)
            }
            Acquire::Probe => Acquired::Probe,
            Acquire::Busy => Acquired::Busy,
            Acquire::Denied(error) => Acquired::Denied(error),
        }
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts")
            .field("store", &self.store)
            .field("on_store_down", &self.on_store_down)
            .finish_non_exhaustive()
    }
}

impl Opened {
    /// Adds what this process witnessed.
    fn merge(&mut self) {
        let mut witness = self.witness.lock();
        self.record.facts_mut().merge(witness.facts());
        witness.see(self.record.facts(), self.now);
    }

    /// Returns the open attempts of other processes.
    fn attempts_of_others(&self) -> Vec<account::Attempt> {
        let witness = self.witness.lock();
        let facts = self.record.facts();
        let open = facts.attempts().iter().filter(|attempt| attempt.is_open());
        open.filter(|attempt| !witness.is_own(attempt.id()))
            .cloned()
            .collect()
    }

    fn acquire(&mut self, request: &AttemptContext<'_>) -> Acquire {
        let witness = self.witness.lock();
        self.record.facts_mut().acquire(request, &witness, self.now)
    }

    fn reset(&mut self, ids: &[AttemptId], allow_rejected: bool) -> bool {
        let witness = self.witness.lock();
        let facts: &mut Facts = self.record.facts_mut();
        facts.reset(ids, allow_rejected, &witness, self.now)
    }

    /// Updates the witness: the record was written with the outcome of the attempt `id`.
    fn observe_without(&self, id: AttemptId) {
        let mut witness = self.witness.lock();
        witness.withdraw(id);
        witness.observe(self.record.facts());
    }
}

impl Down {
    fn into_error(self) -> Error {
        match self {
            Self::Unavailable(source) => {
                Error::new(ErrorKind::StoreUnavailable, "").with_source(source)
            }
            Self::Newer => Error::new(
                ErrorKind::StoreUnavailable,
                "the account record was written by a newer release; nothing was sent",
            ),
        }
    }
}

/// Limits the time of a call of the store.
async fn limited<T>(call: StoreFuture<'_, T>) -> Result<T, Down> {
    match timeout(STORE_TIMEOUT, call).await {
        Ok(result) => result.map_err(Down::Unavailable),
        Err(_) => Err(Down::Unavailable(
            "the store did not respond in time".into(),
        )),
    }
}

/// Waits for a random time, so that writers in conflict do not conflict again.
async fn pause() {
    sleep(Duration::from_millis(fastrand::u64(1..=10))).await;
}

fn crowded() -> Down {
    Down::Unavailable("too many others change the same record".into())
}
