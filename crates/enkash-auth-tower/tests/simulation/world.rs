//! What all replicas share: what is to happen when, and the two servers.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
    task::Waker,
};

use fastrand::Rng;

use crate::{
    checks::Checks,
    clock::{Millis, ReplicaClock},
    events::Event,
    issuer::Issuer,
    plan::{Doom, Fate, Outage, Plan, Step},
    recovery::Recovery,
    shelf::Shelf,
};

/// One process, as those see it that it talks to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who {
    pub(crate) replica: usize,
    /// Counts the processes of a run.
    pub(crate) process: usize,
    pub(crate) clock: ReplicaClock,
}

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

pub(crate) struct World {
    /// The time of the last event.
    pub(crate) now: Millis,
    pub(crate) rng: Rng,
    pub(crate) plan: Plan,
    pub(crate) is_quiet: bool,
    pub(crate) outage: Option<Outage>,
    pub(crate) shelf: Shelf,
    pub(crate) issuer: Issuer,
    pub(crate) checks: Checks,
    pub(crate) recovery: Recovery,
    /// Whom something has befallen just now.
    pub(crate) doomed: Option<(usize, Fate)>,
    log: Option<Vec<(Millis, String)>>,
    dooms: Vec<Doom>,
    agenda: BTreeMap<(Millis, u64), Event>,
    sequence: u64,
    /// What drives a replica until something is sent.
    driver: Option<Waker>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub(crate) fn new(plan: Plan, rng: Rng, is_logged: bool) -> Self {
        let mut world = Self {
            now: 0,
            rng,
            is_quiet: false,
            outage: None,
            shelf: Shelf::new(),
            issuer: Issuer::new(&plan),
            checks: Checks::default(),
            recovery: Recovery::default(),
            doomed: None,
            log: is_logged.then(Vec::new),
            dooms: plan.dooms.clone(),
            agenda: BTreeMap::new(),
            sequence: 0,
            driver: None,
            plan,
        };
        world.note(0, format_args!("{:?}", world.plan.clone()));
        world
    }

    pub(crate) fn note(&mut self, at: Millis, what: fmt::Arguments<'_>) {
        if let Some(log) = &mut self.log {
            log.push((at, format!("{:>5}.{:03} {what}", at / 1_000, at % 1_000)));
        }
    }

    /// What has happened, in its order: replicas run ahead of each other by a little.
    pub(crate) fn take_log(&mut self) -> Vec<String> {
        let mut log = self.log.take().unwrap_or_default();
        log.sort_by_key(|(at, _)| *at);
        log.into_iter().map(|(_, line)| line).collect()
    }

    /// Puts `event` on the agenda.
    pub(crate) fn at(&mut self, at: Millis, event: Event) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), event);
        // Whoever runs ahead must not run beyond it.
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// When the next event is due.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let ((at, _), event) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        Some(event)
    }

    /// Has `waker` woken when the agenda changes.
    pub(crate) fn drive(&mut self, waker: &Waker) {
        self.driver = Some(waker.clone());
    }

    /// `replica` has come to `step`.
    pub(crate) fn step(&mut self, at: Millis, replica: usize, step: Step) {
        if self.is_quiet || self.doomed.is_some() {
            return;
        }
        let mut fate = None;
        self.dooms.retain_mut(|doom| {
            if doom.step != step || fate.is_some() {
                return true;
            }
            doom.nth -= 1;
            if doom.nth == 0 {
                fate = Some(doom.fate);
            }
            doom.nth > 0
        });
        if let Some(fate) = fate {
            self.note(at, format_args!("r{replica} {step:?}: {fate:?}"));
            self.doomed = Some((replica, fate));
        }
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        !self.is_quiet && self.rng.u32(..1_000) < permille
    }

    /// How long a message takes: `usual` at most, or now and then `worst`.
    pub(crate) fn way(&mut self, usual: Millis, worst: Millis) -> Millis {
        let most = match self.chance(self.plan.weather.slow) {
            true => worst,
            false => usual,
        };
        self.rng.u64(1..=most)
    }
}
