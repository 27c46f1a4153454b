//! One run: who runs up to when, what happens then, and what comes of it.

use std::{mem::take, time::Duration};

use fastrand::Rng;

use crate::{
    checks::Tally,
    clock::Millis,
    events::Event,
    issuer::NEW,
    plan::{Fate, Passwords, Plan},
    replica::Replica,
    world::{Shared, World},
};

/// Within this time a fleet serves again: a pause after failures, a lease whose holder is gone, and a
/// fetch.
const RECOVERY: Millis = 60_000;

/// The same, where nobody knows how the last attempts ended.
const UNRESOLVED: Millis = 15 * 60_000;

/// How long it is watched after that.
const AFTERWARDS: Millis = 20_000;

pub(crate) struct Run {
    pub(crate) outcome: Result<Tally, String>,
    pub(crate) log: Vec<String>,
}

struct Fleet {
    world: Shared,
    replicas: Vec<Replica>,
    processes: usize,
    is_over: bool,
}

/// What comes of `seed`.
pub(crate) fn run(seed: u64, is_logged: bool) -> Run {
    // What it draws once for a process is not drawn in a run.
    Replica::draw_for_process();
    // All else that it draws comes from here.
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let world = Shared::new(World::new(plan, rng, is_logged));
    let mut fleet = Fleet::new(world.clone());
    while !fleet.is_over && world.lock().checks.violation.is_none() {
        fleet.step();
    }
    drop(fleet);
    let mut world = world.lock();
    world.checks.conclude();
    let outcome = match world.checks.violation.take() {
        Some(violation) => Err(violation),
        None => Ok(world.checks.tally),
    };
    Run {
        outcome,
        log: world.take_log(),
    }
}

impl Fleet {
    fn new(world: Shared) -> Self {
        let plan = world.lock().plan.clone();
        let fleet = Self {
            world,
            replicas: (0..plan.replicas()).map(Replica::new).collect(),
            processes: 0,
            is_over: false,
        };
        let mut world = fleet.world.lock();
        for index in 0..plan.replicas() {
            world.at(0, Event::Restart(index));
            world.at(1, Event::Call(index));
        }
        for (start, end, outage) in plan.outages {
            world.at(start, Event::Outage(Some(outage)));
            world.at(end, Event::Outage(None));
        }
        world.at(plan.quiet_at, Event::Quiet);
        let mut recover_at = plan.quiet_at;
        if let Passwords::Rotated(at, told) = plan.passwords {
            world.at(at, Event::Rotate);
            (0..fleet.replicas.len()).for_each(|index| {
                let late = world.rng.u64(0..30_000);
                world.at(told + late, Event::Tell(index));
            });
        }
        if plan.passwords != Passwords::Right {
            recover_at += 50_000;
            for index in 0..fleet.replicas.len() {
                let late = world.rng.u64(0..10_000);
                world.at(plan.quiet_at + 30_000 + late, Event::Tell(index));
            }
            world.at(recover_at - 5_000, Event::Amnesty);
        }
        world.at(recover_at, Event::Recover);
        drop(world);
        fleet
    }

    /// Up to the next event, and through it.
    fn step(&mut self) {
        let Some(at) = self.world.lock().next_at() else {
            self.is_over = true;
            return;
        };
        for index in 0..self.replicas.len() {
            let process = self.replicas[index].process.as_mut();
            if let Some(process) = process.filter(|process| !process.is_stopped) {
                process.run(&self.world, at);
                self.befall();
            }
            if self.world.lock().next_at() != Some(at) {
                return;
            }
        }
        let event = self.world.lock().next_event();
        if let Some(event) = event {
            self.happen(event);
            self.befall();
        }
    }

    /// What has befallen a replica happens to it.
    fn befall(&mut self) {
        let mut world = self.world.lock();
        let Some((index, fate)) = world.doomed.take() else {
            return;
        };
        let Some(process) = &mut self.replicas[index].process else {
            return;
        };
        let (now, nth) = (world.now.max(process.at), process.who.process);
        world
            .checks
            .interrupted(nth, matches!(fate, Fate::Crash(_)), now);
        match fate {
            Fate::Crash(length) => {
                world.at(now + length, Event::Restart(index));
                drop(world);
                self.replicas[index].process = None;
            }
            Fate::Stop(length) if !process.is_stopped => {
                world.at(now + length, Event::Resume(index, nth));
                process.is_stopped = true;
            }
            Fate::Stop(_) => {}
        }
    }

    fn happen(&mut self, event: Event) {
        let mut world = self.world.lock();
        match event {
            Event::ToStore(who, order, reply) => world.take_order(who, &order, reply),
            Event::FromStore(who, answer, reply) => world.hand_out(who, answer, reply),
            Event::ToIssuer(who, number, reply) => world.take_request(who, number, reply),
            Event::FromIssuer(who, answer, reply) => world.answered(who, answer, reply),
            Event::Outage(outage) => {
                world.outage = outage.filter(|_| !world.is_quiet);
                let now = world.now;
                world.note(now, format_args!("outage: {outage:?}"));
            }
            Event::Rotate => {
                world.issuer.password = NEW;
                let now = world.now;
                world.note(now, format_args!("password rotated"));
            }
            Event::Recover => world.recover(RECOVERY),
            Event::Served(is_last) => world.check_served(is_last, UNRESOLVED, AFTERWARDS),
            Event::End => self.is_over = true,
            Event::Quiet => {
                world.is_quiet = true;
                world.outage = None;
                let now = world.now;
                world.note(now, format_args!("quiet"));
                drop(world);
                for index in 0..self.replicas.len() {
                    self.resume(index, None);
                    self.start(index);
                }
            }
            Event::Amnesty => {
                take(&mut world.issuer.failed);
                world.issuer.is_locked = false;
                drop(world);
                self.replicas[0].process.as_ref().unwrap().reset();
            }
            Event::Call(index) => {
                drop(world);
                self.call(index);
            }
            Event::Tell(index) => {
                drop(world);
                self.tell(index);
            }
            Event::Resume(index, nth) => {
                drop(world);
                self.resume(index, Some(nth));
            }
            Event::Restart(index) => {
                drop(world);
                self.start(index);
            }
        }
    }

    fn start(&mut self, index: usize) {
        if self.replicas[index].process.is_none() {
            self.processes += 1;
            self.replicas[index].start(&self.world, self.processes);
            let mut world = self.world.lock();
            let (now, nth) = (world.now, self.processes);
            world.note(now, format_args!("r{index} starts: process {nth}"));
        }
    }

    fn resume(&mut self, index: usize, nth: Option<usize>) {
        let now = self.world.lock().now;
        let process = self.replicas[index].process.as_mut();
        let is_meant = |process: &&mut crate::replica::Process| {
            process.is_stopped && nth.is_none_or(|nth| nth == process.who.process)
        };
        if let Some(process) = process.filter(is_meant) {
            self.world
                .lock()
                .note(now, format_args!("r{index} goes on"));
            process.resume(now);
        }
    }

    fn call(&mut self, index: usize) {
        let mut world = self.world.lock();
        let every = match world.is_quiet {
            true => 2_000,
            false => world.plan.calls_every[index],
        };
        let next = world.now + world.rng.u64(1..=2 * every);
        world.at(next, Event::Call(index));
        let patience = match !world.is_quiet && world.rng.u8(..8) == 0 {
            true => world.rng.u64(1..1_000),
            false => 20_000,
        };
        drop(world);
        let process = self.replicas[index].process.as_ref();
        if let Some(process) = process.filter(|process| !process.is_stopped) {
            process.call(&self.world, Duration::from_millis(patience));
        }
    }

    fn tell(&mut self, index: usize) {
        self.replicas[index].password = NEW;
        let mut world = self.world.lock();
        let now = world.now;
        world.note(now, format_args!("r{index} is told the new password"));
        match &self.replicas[index].process {
            Some(process) if process.is_stopped => world.at(now + 1_000, Event::Tell(index)),
            Some(process) => {
                world.checks.abandoned(process.who.process, now);
                drop(world);
                process.tell(NEW);
            }
            None => {}
        }
    }
}
