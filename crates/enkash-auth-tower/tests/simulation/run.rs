//! One run: drives the replicas from event to event.

use std::time::Duration;

use fastrand::Rng;

use crate::{
    clock::Millis,
    history::Totals,
    plan::{Fate, Plan},
    process::Process,
    seeds::Run,
    server::NEW,
    world::{Caller, Event, Shared, World},
};

/// Once the account is reset and all passwords are right, the replicas serve within this time: a backoff after
/// failures, a lease whose owner is gone, and a fetch.
const RECOVERY: Millis = 90_000;

struct Fleet {
    world: Shared,
    replicas: Vec<Replica>,
    has_ended: bool,
}

struct Replica {
    /// The password that it is configured with.
    password: u32,
    process: Option<Process>,
}

/// Runs `seed`.
pub(crate) fn run(seed: u64, is_logged: bool) -> Run<Totals> {
    Process::draw_once();
    // All its other random values come from here.
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let world = Shared::new(World::new(plan, rng, is_logged));
    let mut fleet = Fleet::new(world.clone());
    while !fleet.has_ended && world.lock().history.violation.is_none() {
        fleet.step();
    }
    drop(fleet);
    let mut world = world.lock();
    world.history.conclude();
    let outcome = match world.history.violation.take() {
        Some(violation) => Err(violation),
        None => Ok(world.history.totals),
    };
    Run {
        outcome,
        log: world.take_log(),
    }
}

impl Fleet {
    fn new(shared: Shared) -> Self {
        let mut world = shared.lock();
        let plan = world.plan.clone();
        world.history.on_store_down = plan.on_store_down;
        let mut rotated_by = plan.well_at;
        for index in 0..plan.replicas.len() {
            world.at(0, Event::Restart(index));
            world.at(1, Event::Call(index));
            if let Some((_, changed)) = plan.rotation {
                let at = changed + world.rng.u64(0..30_000);
                rotated_by = rotated_by.max(at);
                world.at(at, Event::SetPassword(index));
            }
        }
        if let Some((at, _)) = plan.rotation {
            world.then(at, |world| {
                world.server.password = NEW;
                world.note(world.now, format_args!("the password is changed"));
            });
        }
        for (start, end, outage) in plan.outages {
            world.then(start, move |world| world.set_outage(Some(outage)));
            world.then(end, |world| world.set_outage(None));
        }
        for (at, tamper) in plan.tampers {
            world.then(at, move |world| world.tamper(tamper));
        }
        for (at, allows_rejected) in plan.resets {
            world.at(at, Event::Reset(allows_rejected));
        }
        world.at(plan.well_at, Event::Well);
        world.at(rotated_by + plan.patience, Event::Judge(false));
        drop(world);
        let replicas = plan.replicas.iter().map(|replica| Replica {
            password: replica.password,
            process: None,
        });
        Self {
            replicas: replicas.collect(),
            world: shared,
            has_ended: false,
        }
    }

    /// Runs up to the next event, and through it.
    fn step(&mut self) {
        let Some(at) = self.world.lock().next_at() else {
            self.has_ended = true;
            return;
        };
        for index in 0..self.replicas.len() {
            let process = self.replicas[index].process.as_mut();
            if let Some(process) = process.filter(|process| !process.is_stopped) {
                process.run(at);
                self.interrupt();
            }
            if self.world.lock().next_at() != Some(at) {
                return;
            }
        }
        let event = self.world.lock().next_event();
        if let Some(event) = event {
            self.happen(event);
            self.interrupt();
        }
    }

    fn interrupt(&mut self) {
        let mut world = self.world.lock();
        let Some((index, fate)) = world.interrupted.take() else {
            return;
        };
        let Some(process) = &mut self.replicas[index].process else {
            return;
        };
        let (now, nth) = (world.now.max(process.at()), process.caller.process);
        let is_killed = matches!(fate, Fate::Crash(_));
        world.history.interrupted(nth, is_killed, now);
        match fate {
            Fate::Crash(length) => {
                world.at(now + length, Event::Restart(index));
                drop(world);
                if let Some(process) = self.replicas[index].process.take() {
                    process.kill();
                }
            }
            // A message that it sent before can reach a step while it is stopped.
            Fate::Stop(_) if process.is_stopped => {}
            Fate::Stop(length) => {
                world.at(now + length, Event::Resume(index, nth));
                process.is_stopped = true;
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Then(then) => then(&mut self.world.lock()),
            Event::Call(index) => self.call(index),
            Event::Resume(index, nth) => self.resume(index, Some(nth)),
            Event::Restart(index) => self.start(index),
            Event::SetPassword(index) => self.set_password(index),
            Event::Reset(allows_rejected) => self.reset(allows_rejected),
            Event::Well => {
                let mut world = self.world.lock();
                world.repair();
                world.is_well = true;
                let now = world.now;
                world.note(now, format_args!("all is well"));
                drop(world);
                for index in 0..self.replicas.len() {
                    self.resume(index, None);
                    self.start(index);
                }
            }
            Event::Judge(is_last) => self.judge(is_last),
        }
    }

    fn start(&mut self, index: usize) {
        let Replica { password, process } = &mut self.replicas[index];
        if process.is_none() {
            let started = Process::start(&self.world, index, *password);
            let (mut world, nth) = (self.world.lock(), started.caller.process);
            let now = world.now;
            world.note(
                now,
                format_args!("r{index} starts: process {nth}, password {password}"),
            );
            *process = Some(started);
        }
    }

    fn resume(&mut self, index: usize, nth: Option<usize>) {
        let now = self.world.lock().now;
        let process = self.replicas[index].process.as_mut();
        let is_meant = |process: &&mut Process| {
            process.is_stopped && nth.is_none_or(|nth| nth == process.caller.process)
        };
        if let Some(process) = process.filter(is_meant) {
            process.resume(now);
            self.world
                .lock()
                .note(now, format_args!("r{index} goes on"));
        }
    }

    fn call(&mut self, index: usize) {
        let mut world = self.world.lock();
        let every = match world.is_well {
            true => world.plan.patience / 30,
            false => world.plan.replicas[index].calls_every,
        };
        let next = world.now + world.rng.u64(1..=2 * every);
        world.at(next, Event::Call(index));
        let patience = match !world.is_well && world.rng.u8(..8) == 0 {
            true => world.rng.u64(1..1_000),
            false => 20_000,
        };
        drop(world);
        if let Some(process) = self.driven(index) {
            process.call(Duration::from_millis(patience));
        }
    }

    fn set_password(&mut self, index: usize) {
        self.replicas[index].password = NEW;
        let mut world = self.world.lock();
        let now = world.now;
        match &self.replicas[index].process {
            Some(process) if process.is_stopped => world.at(now + 1_000, Event::SetPassword(index)),
            Some(process) => {
                world.note(now, format_args!("r{index} gets the new password"));
                world.history.password_changed(process.caller.process, now);
                drop(world);
                process.set_password(NEW);
            }
            None => {}
        }
    }

    /// Resets the account as an operator, also at the server.
    fn reset(&mut self, allows_rejected: bool) {
        let index = self.world.lock().rng.usize(..self.replicas.len());
        if let Some(process) = self.driven(index) {
            let mut world = self.world.lock();
            let now = world.now;
            world.note(
                now,
                format_args!("r{index} resets, allows: {allows_rejected}"),
            );
            world.server.unlock();
            let nth = process.caller.process;
            let number = world.history.reset_began(nth, allows_rejected);
            drop(world);
            process.reset(number, allows_rejected);
        }
    }

    fn driven(&self, index: usize) -> Option<&Process> {
        let process = self.replicas[index].process.as_ref();
        process.filter(|process| !process.is_stopped)
    }

    /// Checks that each replica with the right password serves, or has a reason not to. Then an operator resets
    /// the account, and all must serve.
    fn judge(&mut self, is_last: bool) {
        let mut world = self.world.lock();
        let now = world.now;
        for (index, replica) in self.replicas.iter().enumerate() {
            let serves = world.serving.contains(&index);
            let is_right = is_last || replica.password == world.server.password;
            let may_be_closed = !is_last && world.history.may_be_closed(replica.password);
            if !serves && is_right && !may_be_closed {
                world
                    .history
                    .violated(format!("r{index} does not serve again"));
            }
        }
        self.has_ended = is_last || world.serving.len() == self.replicas.len();
        if self.has_ended {
            return;
        }
        world.history.totals.closed += 1;
        world.serving.clear();
        world.plan.patience = RECOVERY;
        world.server.password = NEW;
        world.at(now + 5_000, Event::Reset(true));
        world.at(now + RECOVERY, Event::Judge(true));
        for index in 0..self.replicas.len() {
            world.at(now, Event::SetPassword(index));
        }
    }
}

impl World {
    /// Records the result of a call.
    pub(crate) fn called(&mut self, caller: Caller, result: &Result<u16, String>) {
        let at = caller.clock.time();
        self.note(at, format_args!("r{} call: {result:?}", caller.replica));
        self.history.totals.calls += 1;
        self.history.totals.served += u64::from(matches!(result, Ok(200)));
        if matches!(result, Ok(200)) && self.is_well {
            self.serving.insert(caller.replica);
        }
    }
}
