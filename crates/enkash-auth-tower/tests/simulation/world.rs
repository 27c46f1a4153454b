//! What all replicas share: the agenda, the network, the two servers, and the history.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
};

use fastrand::Rng;
use futures_util::future::pending;
use tokio::sync::oneshot;

use crate::{
    clock::{Millis, ProcessClock},
    history::History,
    plan::{Fate, Interrupt, Plan, Step},
    server::Server,
    store::Registers,
};

/// One process, as its servers see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) replica: usize,
    /// Counts the processes of a run.
    pub(crate) process: usize,
    pub(crate) clock: ProcessClock,
}

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

pub(crate) struct World {
    /// The time of the last event.
    pub(crate) now: Millis,
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    /// Whether all faults have ended.
    pub(crate) is_well: bool,
    pub(crate) registers: Registers,
    pub(crate) server: Server,
    pub(crate) history: History,
    /// The replicas that have served since all is well.
    pub(crate) serving: BTreeSet<usize>,
    /// The replica to be interrupted now.
    pub(crate) interrupted: Option<(usize, Fate)>,
    log: Option<Vec<(Millis, String)>>,
    /// The attempts in the log, by their ids.
    pub(crate) names: BTreeMap<String, usize>,
    interrupts: Vec<Interrupt>,
    agenda: BTreeMap<(Millis, u64), Event>,
    sequence: u64,
    /// Wakes the replica that is driven when the agenda changes.
    driver: Option<Waker>,
}

pub(crate) enum Event {
    /// A message arrives.
    Then(Then),
    /// The API is called through a replica.
    Call(usize),
    /// A stopped process resumes.
    Resume(usize, usize),
    /// A killed replica is started again.
    Restart(usize),
    /// A replica gets the new password.
    SetPassword(usize),
    /// An operator resets the account, and allows all credentials again if `true`.
    Reset(bool),
    /// All faults end.
    Well,
    /// The replicas must serve now, or have a reason not to; with `true`, all must.
    Judge(bool),
}

type Then = Box<dyn FnOnce(&mut World) + Send>;

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    /// Sends a message that arrives at `arrival`, if it does, and returns the reply that `handle` makes
    /// there and the time it takes. A lost message has no reply.
    pub(crate) async fn exchange<T: Send + 'static>(
        &self,
        arrival: Option<Millis>,
        handle: impl FnOnce(&mut World) -> Option<(T, Millis)> + Send + 'static,
    ) -> T {
        let (reply, response) = oneshot::channel();
        if let Some(arrival) = arrival {
            self.lock().then(arrival, move |world| {
                if let Some((response, way)) = handle(world) {
                    let at = world.now + way;
                    world.then(at, move |_| drop(reply.send(response)));
                }
            });
        }
        match response.await {
            Ok(response) => response,
            Err(_) => pending().await,
        }
    }
}

impl World {
    pub(crate) fn new(plan: Plan, rng: Rng, is_logged: bool) -> Self {
        let mut world = Self {
            now: 0,
            rng,
            is_well: false,
            registers: Registers::default(),
            server: Server::new(&plan),
            history: History::default(),
            serving: BTreeSet::new(),
            interrupted: None,
            log: is_logged.then(Vec::new),
            names: BTreeMap::new(),
            interrupts: plan.interrupts.clone(),
            agenda: BTreeMap::new(),
            sequence: 0,
            driver: None,
            plan,
        };
        world.note(0, format_args!("{:?}", world.plan.clone()));
        world
    }

    pub(crate) fn is_logged(&self) -> bool {
        self.log.is_some()
    }

    pub(crate) fn note(&mut self, at: Millis, what: fmt::Arguments<'_>) {
        if let Some(log) = &mut self.log {
            log.push((at, format!("{:>5}.{:03} {what}", at / 1_000, at % 1_000)));
        }
    }

    /// Returns the log in order: replicas run ahead of each other by a little.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        let mut log = self.log.take().unwrap_or_default();
        log.sort_by_key(|(at, _)| *at);
        log.into_iter().map(|(_, line)| line).collect()
    }

    /// Puts `event` on the agenda, now at the earliest: a process that is killed while it is stopped has an older
    /// time.
    pub(crate) fn at(&mut self, at: Millis, event: Event) {
        self.sequence += 1;
        self.agenda.insert((at.max(self.now), self.sequence), event);
        // The replica that is driven must not run beyond it.
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    pub(crate) fn then(&mut self, at: Millis, then: impl FnOnce(&mut Self) + Send + 'static) {
        self.at(at, Event::Then(Box::new(then)));
    }

    /// Returns when the next event is due.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let ((at, _), event) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }

    pub(crate) fn drive(&mut self, waker: &Waker) {
        self.driver = Some(waker.clone());
    }

    /// `replica` has reached `step`.
    pub(crate) fn step(&mut self, at: Millis, replica: usize, step: Step) {
        if self.is_well || self.interrupted.is_some() {
            return;
        }
        let mut fate = None;
        self.interrupts.retain_mut(|interrupt| {
            if interrupt.step != step || fate.is_some() {
                return true;
            }
            interrupt.nth -= 1;
            if interrupt.nth == 0 {
                fate = Some(interrupt.fate);
            }
            interrupt.nth > 0
        });
        if let Some(fate) = fate {
            self.note(at, format_args!("r{replica} {step:?}: {fate:?}"));
            self.interrupted = Some((replica, fate));
        }
    }

    /// Returns whether something with this probability in thousandths happens.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        !self.is_well && self.rng.u32(..1_000) < permille
    }

    /// Returns how long a message takes: `usual` at most, or at times `worst`.
    pub(crate) fn way(&mut self, usual: Millis, worst: Millis) -> Millis {
        let most = match self.chance(self.plan.network.slow) {
            true => worst,
            false => usual,
        };
        self.rng.u64(1..=most)
    }
}
