//! The store: a register that can be lost, split and down; and the path to it.
//!
//! With each write it stores the set of attempts that its process had seen when it loaded, so that `exceptions`
//! can distinguish an attempt that could not have been seen from one that was lost.

use std::{collections::BTreeMap, fmt, mem::take, sync::Mutex};

use enkash_auth_core::{AccountKey, account::AttemptId};
use enkash_auth_tower::{BoxError, Liveness, Loaded, Store, StoreFuture};

use crate::{
    clock::{Millis, unix_nanos},
    history::NEVER,
    numbers::Numbers,
    plan::{Outage, Step, Tamper},
    world::{Caller, Shared, World},
};

/// How long after the record was lost a running process that reaches the store has reloaded it: 5 s and
/// a fifth, and the time that it takes.
const LOOKED: Millis = 8_000;

#[derive(Default)]
pub(crate) struct Registers {
    /// One, or two of which each is that of every other replica.
    sides: [Register; 2],
    is_split: bool,
    past: Vec<Register>,
    /// The register that a newer format has displaced.
    displaced: Option<Register>,
    /// By how much the clock is off.
    clock: i64,
    /// By how much it was set back: a token that was stored before seems newer.
    pub(crate) set_back: Millis,
    pub(crate) outage: Option<Outage>,
    /// When all was well again.
    well_at: Millis,
    is_alive: BTreeMap<AttemptId, bool>,
}

#[derive(Clone, Default)]
struct Register {
    record: Option<Vec<u8>>,
    seen: Seen,
}

/// The attempts that a reader of a record has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) attempts: Numbers,
    /// Those that have ended.
    pub(crate) ended: Numbers,
}

/// The store as one process sees it.
pub(crate) struct RemoteStore {
    world: Shared,
    caller: Caller,
    /// The last loads, and what the process itself had seen when it made them.
    loads: Mutex<Vec<(Option<Vec<u8>>, Seen)>>,
}

/// A call that has no reply yet. Dropped before, it has failed.
struct Pending<'a> {
    store: &'a RemoteStore,
    is_done: bool,
}

/// The liveness of an attempt. Its end is an event, since replicas run ahead of each other by a little.
struct Alive(Shared, Caller, AttemptId);

impl RemoteStore {
    pub(crate) fn new(world: &Shared, caller: Caller) -> Self {
        Self {
            world: world.clone(),
            caller,
            loads: Mutex::default(),
        }
    }

    /// Calls the store. `sent`, `done` and `received` are the steps of the call.
    async fn call<T: Send + 'static>(
        &self,
        [sent, done, received]: [Step; 3],
        what: &str,
        is_write: bool,
        handle: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T, BoxError> {
        let caller = self.caller;
        let mut pending = Pending {
            store: self,
            is_done: false,
        };
        let arrival = {
            let mut world = self.world.lock();
            let (at, loss) = (caller.clock.time(), world.plan.network.store_loss / 2);
            let is_lost = world.chance(loss);
            let lost = if is_lost { " (lost)" } else { "" };
            world.note(
                at,
                format_args!("r{} -> store {what}{lost}", caller.replica),
            );
            let arrival = (!is_lost).then(|| at + world.way(20, 1_500));
            world.step(at, caller.replica, sent);
            arrival
        };
        let handle = move |world: &mut World| {
            let outage = world.registers.outage;
            let result = match outage {
                Some(Outage::Hanging) => return None,
                Some(Outage::Failing) => Err("the store is down".into()),
                _ => Ok(handle(world)),
            };
            world.step(world.now, caller.replica, done);
            let loss = world.plan.network.store_loss / 2;
            if is_write && outage == Some(Outage::Mute) || world.chance(loss) {
                world.note(
                    world.now,
                    format_args!("store -> r{} (lost)", caller.replica),
                );
                return None;
            }
            let result = match outage {
                Some(Outage::FailingAfterWrite) if is_write => Err("the disk is full".into()),
                _ => result,
            };
            Some((result, world.way(20, 1_500)))
        };
        let result = self.world.exchange(arrival, handle).await;
        pending.is_done = result.is_ok();
        let mut world = self.world.lock();
        world.step(caller.clock.time(), caller.replica, received);
        drop(world);
        result
    }
}

impl Store for RemoteStore {
    fn load<'a>(&'a self, _: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        Box::pin(async move {
            let Caller { process, .. } = self.caller;
            // What was loaded before without a write has been seen.
            for (_, seen) in take(&mut *self.loads.lock().unwrap()) {
                self.world.lock().history.remembered(process, &seen.ended);
            }
            let steps = [Step::LoadSent, Step::LoadDone, Step::LoadReceived];
            let caller = self.caller;
            let handle = move |world: &mut World| world.load(caller);
            let (loaded, mut seen, at) = self.call(steps, "load", false, handle).await?;
            let mut world = self.world.lock();
            world.history.loaded(process, &mut seen, at);
            self.loads
                .lock()
                .unwrap()
                .push((loaded.record().map(<[u8]>::to_vec), seen));
            Ok(loaded)
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        _: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let mut loads = take(&mut *self.loads.lock().unwrap());
            let at = loads
                .iter()
                .position(|(record, _)| record.as_deref() == current);
            let seen = at.map(|at| loads.swap_remove(at).1).unwrap_or_default();
            self.loads.lock().unwrap().append(&mut loads);
            let steps = [Step::WriteSent, Step::WriteDone, Step::WriteReceived];
            let what = {
                let mut world = self.world.lock();
                let record = world.is_logged().then(|| world.describe(record));
                format!("write {}", record.unwrap_or_default())
            };
            let (caller, written) = (self.caller, seen.clone());
            let (current, record) = (current.map(<[u8]>::to_vec), record.to_vec());
            let handle = move |world: &mut World| world.write(caller, current, record, &seen);
            let write = self.call(steps, &what, true, handle).await?;
            if let Some(write) = write {
                let mut world = self.world.lock();
                let at = caller.clock.time();
                world.history.wrote(caller.process, write, &written, at);
            }
            Ok(write.is_some())
        })
    }

    fn hold<'a>(
        &'a self,
        _: &'a AccountKey,
        attempt: AttemptId,
    ) -> StoreFuture<'a, Option<Liveness>> {
        let mut world = self.world.lock();
        let liveness = world.plan.has_liveness.then(|| {
            world.registers.is_alive.insert(attempt, true);
            Box::new(Alive(self.world.clone(), self.caller, attempt)) as Liveness
        });
        Box::pin(async { Ok(liveness) })
    }

    fn is_dead<'a>(&'a self, _: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
        let is_dead = self.world.lock().registers.is_alive.get(&attempt) == Some(&false);
        Box::pin(async move { Ok(is_dead) })
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let Self(world, caller, attempt) = self;
        let (at, attempt) = (caller.clock.time(), *attempt);
        world.lock().then(at, move |world| {
            world.registers.is_alive.insert(attempt, false);
        });
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            let (caller, mut world) = (self.store.caller, self.store.world.lock());
            world
                .history
                .store_failed(caller.process, caller.clock.time());
        }
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteStore")
    }
}

impl Registers {
    fn side(&self, replica: usize) -> usize {
        replica % 2 * usize::from(self.is_split)
    }
}

impl World {
    fn load(&mut self, caller: Caller) -> (Loaded, Seen, Millis) {
        let (now, side) = (self.now, self.registers.side(caller.replica));
        let registers = &mut self.registers;
        let looked_by = now
            .checked_sub(LOOKED)
            .filter(|by| registers.well_at <= *by);
        if let Some(by) =
            looked_by.filter(|_| registers.outage.is_none() && registers.displaced.is_none())
        {
            let is_there = |replica| registers.side(replica) == side;
            let ended = self.history.looked(by, is_there);
            let seen = &mut registers.sides[side].seen;
            seen.attempts.extend(&ended);
            seen.ended.extend(&ended);
        }
        let register = &registers.sides[side];
        let loaded = Loaded::new(register.record.clone());
        let loaded = match self.plan.has_clock {
            true => loaded.at(unix_nanos(now, registers.clock)),
            false => loaded,
        };
        // What is displaced cannot be read.
        let seen = match registers.displaced {
            Some(_) => Seen::default(),
            None => register.seen.clone(),
        };
        (loaded, seen, now)
    }

    /// Returns the number of the write if the record is still `current`.
    fn write(
        &mut self,
        caller: Caller,
        current: Option<Vec<u8>>,
        record: Vec<u8>,
        seen: &Seen,
    ) -> Option<usize> {
        let (now, side) = (self.now, self.registers.side(caller.replica));
        if self.registers.sides[side].record != current {
            self.note(
                now,
                format_args!("store: r{} comes too late", caller.replica),
            );
            return None;
        }
        if self.registers.displaced.is_some() {
            self.history
                .violated(format!("r{} overwrote a newer format", caller.replica));
        }
        if self.history.is_resetting(caller.process) {
            // The operator unlocks it at the server, too.
            self.server.unlock();
        }
        let write = self.history.next_number();
        let registers = &mut self.registers;
        registers.past.push(registers.sides[side].clone());
        let register = &mut registers.sides[side];
        register.record = Some(record);
        register.seen.attempts.extend(&seen.attempts);
        register.seen.attempts.insert(write);
        register.seen.ended.extend(&seen.ended);
        Some(write)
    }

    pub(crate) fn set_outage(&mut self, outage: Option<Outage>) {
        let now = self.now;
        self.registers.outage = outage.filter(|_| !self.is_well);
        self.registers.well_at = now;
        self.note(now, format_args!("store outage: {outage:?}"));
    }

    pub(crate) fn tamper(&mut self, tamper: Tamper) {
        let now = self.now;
        let is_one = self.registers.displaced.is_none() && !self.registers.is_split;
        if self.is_well || !is_one && !matches!(tamper, Tamper::Clock(_)) {
            return;
        }
        self.note(now, format_args!("store: {tamper:?}"));
        let registers = &mut self.registers;
        let register = &mut registers.sides[0];
        match (tamper, &mut register.record) {
            (Tamper::Clock(step), _) => {
                registers.clock += step;
                registers.set_back += step.min(0).unsigned_abs();
            }
            (Tamper::Lost, _) => {
                *register = Register::default();
                registers.well_at = now;
                self.history.lost(now, now);
            }
            (Tamper::RolledBack(by), _) => {
                let to = registers.past.len().saturating_sub(by);
                *register = registers.past.get(to).cloned().unwrap_or_default();
                registers.well_at = now;
                self.history.lost(now, now);
            }
            (Tamper::Truncated, Some(record)) => {
                record.truncate(record.len() / 2);
                register.seen = Seen::default();
                self.history.damaged();
            }
            (Tamper::Flipped, Some(record)) => {
                let at = record.len() / 2;
                record[at] ^= 1;
                register.seen = Seen::default();
                self.history.damaged();
            }
            (Tamper::Newer(length), Some(record)) => {
                let newer = b"enkash-auth record 2\n{}\nsha256 00\n".to_vec();
                let old = std::mem::replace(record, newer);
                let displaced = Register {
                    record: Some(old),
                    seen: register.seen.clone(),
                };
                registers.displaced = Some(displaced);
                self.then(now + length, Self::restore);
            }
            (Tamper::Split(length), _) => {
                self.history.lost(now, NEVER);
                registers.sides[1] = registers.sides[0].clone();
                registers.is_split = true;
                self.then(now + length, Self::heal);
            }
            (Tamper::Truncated | Tamper::Flipped | Tamper::Newer(_), None) => {}
        }
    }

    /// The newer format is gone.
    fn restore(&mut self) {
        if let Some(displaced) = self.registers.displaced.take() {
            self.registers.sides[0] = displaced;
            self.registers.well_at = self.now;
            self.note(self.now, format_args!("store: the newer format is gone"));
        }
    }

    /// Two registers are one again.
    fn heal(&mut self) {
        let now = self.now;
        if self.registers.is_split {
            self.registers.is_split = false;
            let kept = self.rng.usize(..2);
            self.registers.sides.swap(0, kept);
            self.registers.well_at = now;
            self.history.healed(now);
            self.note(now, format_args!("store: that of side {kept} is kept"));
        }
    }

    /// All faults of the store end.
    pub(crate) fn repair(&mut self) {
        self.set_outage(None);
        self.restore();
        self.heal();
    }
}

impl World {
    /// A record in a trace. Its ids are random: they are named in the order in which they are seen.
    fn describe(&mut self, record: &[u8]) -> String {
        let text = String::from_utf8_lossy(record);
        let json = text.lines().nth(1).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
        let list = |name: &str| record[name].as_array().cloned().unwrap_or_default();
        let mut attempts: Vec<_> = list("attempts")
            .iter()
            .map(|attempt| {
                let next = self.names.len();
                let name = self.names.entry(attempt["id"].to_string()).or_insert(next);
                format!("#{name} {}", attempt["state"].as_str().unwrap_or_default())
            })
            .collect();
        attempts.sort();
        format!(
            "[{}], {} cleared, {} rejected, {} tokens, {}",
            attempts.join(", "),
            list("cleared").len(),
            list("rejected").len(),
            list("tokens").len(),
            match record["success"].is_null() {
                true => "no success",
                false => "a success",
            },
        )
    }
}
