//! What a seed decides before anything happens.

use enkash_auth_tower::OnStoreDown;
use fastrand::Rng;

use crate::{
    clock::Millis,
    server::{NEW, OLD},
};

/// The conditions of one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) replicas: Vec<ReplicaPlan>,
    pub(crate) keep_warm: bool,
    pub(crate) on_store_down: OnStoreDown,
    /// Whether the store has a clock of its own.
    pub(crate) has_clock: bool,
    /// Whether the store holds the liveness of processes.
    pub(crate) has_liveness: bool,
    pub(crate) issuer: Issuer,
    pub(crate) lifetime: Millis,
    /// Whether a token response has the expiry as a time, and not as seconds left.
    pub(crate) is_absolute: bool,
    /// The password that the server accepts at first.
    pub(crate) password: u32,
    /// When it is changed at the server, and when at the replicas.
    pub(crate) rotation: Option<(Millis, Millis)>,
    pub(crate) network: Network,
    pub(crate) outages: Vec<(Millis, Millis, Outage)>,
    pub(crate) tampers: Vec<(Millis, Tamper)>,
    /// When an operator resets the account, and whether all credentials are allowed again.
    pub(crate) resets: Vec<(Millis, bool)>,
    pub(crate) interrupts: Vec<Interrupt>,
    /// When all faults end.
    pub(crate) well_at: Millis,
    /// How long the replicas have to recover then.
    pub(crate) patience: Millis,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplicaPlan {
    pub(crate) password: u32,
    /// How wrong its wall clock is.
    pub(crate) skew: i64,
    /// How often it is called, on average.
    pub(crate) calls_every: Millis,
}

/// What a grant does to the previous token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Issuer {
    /// Nothing: both are valid.
    Fresh,
    /// It returns the same token until that expires.
    Reusing,
    /// It revokes it.
    Revoking,
}

/// How often something fails, of a thousand times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    pub(crate) store_loss: u32,
    pub(crate) server_loss: u32,
    /// A response that says nothing of the credentials, which were not checked.
    pub(crate) odd: u32,
    /// The credentials were checked, and the response neither grants nor rejects.
    pub(crate) unclear: u32,
    /// The credentials were checked, and the response suggests that they were not.
    pub(crate) belied: u32,
    /// A message takes longer than usual.
    pub(crate) slow: u32,
    /// The server carries a request out after its lease.
    pub(crate) late: u32,
}

/// How a store is down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outage {
    Failing,
    Hanging,
    /// It writes, and fails.
    FailingAfterWrite,
    /// It writes, and the reply is lost.
    Mute,
}

/// What happens to the record.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tamper {
    Lost,
    /// It is rolled back by so many writes.
    RolledBack(usize),
    Truncated,
    Flipped,
    /// A newer format replaces it for so long.
    Newer(Millis),
    /// It is split in two, for half of the replicas each, for so long. One is kept.
    Split(Millis),
    /// The store's clock is set.
    Clock(i64),
}

/// What happens to the replica that reaches a step for the `nth` time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupt {
    pub(crate) step: Step,
    pub(crate) nth: u32,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// Killed, and started again after so long.
    Crash(Millis),
    /// Not driven for so long.
    Stop(Millis),
}

/// Each await of an attempt: before the message is sent, while it is in flight, and after.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    LoadSent,
    LoadDone,
    LoadReceived,
    WriteSent,
    WriteDone,
    WriteReceived,
    RequestSent,
    RequestDone,
    ResponseReceived,
}

const STEPS: [Step; 9] = [
    Step::LoadSent,
    Step::LoadDone,
    Step::LoadReceived,
    Step::WriteSent,
    Step::WriteDone,
    Step::WriteReceived,
    Step::RequestSent,
    Step::RequestDone,
    Step::ResponseReceived,
];

impl Plan {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let well_at = rng.u64(15_000..70_000);
        let has_clock = rng.bool();
        let skew = rng.i64(-300_000..300_000);
        let mut replicas: Vec<_> = (0..rng.usize(2..=4))
            .map(|_| ReplicaPlan {
                password: OLD,
                // Those that share a store without a clock share one machine.
                skew: if has_clock {
                    rng.i64(-300_000..300_000)
                } else {
                    skew
                },
                calls_every: rng.u64(500..6_000),
            })
            .collect();
        let (mut password, mut rotation) = (OLD, None);
        match rng.u8(..8) {
            0 | 1 => {}
            2 => password = NEW,
            3 | 4 => {
                for replica in &mut replicas {
                    replica.password = [OLD, OLD, 3, 4][rng.usize(..4)];
                }
            }
            _ => {
                let at = rng.u64(0..well_at);
                rotation = Some((at, at + rng.u64(0..60_000)));
            }
        }
        Self {
            replicas,
            keep_warm: rng.u8(..4) == 0,
            on_store_down: match rng.u8(..8) {
                0 => OnStoreDown::Hold,
                1 => OnStoreDown::Attempt,
                _ => OnStoreDown::KnownGood,
            },
            has_clock,
            has_liveness: rng.u8(..4) == 0,
            issuer: [Issuer::Fresh, Issuer::Reusing, Issuer::Revoking][rng.usize(..3)],
            lifetime: [
                2_000,
                5_000,
                10_000,
                30_000,
                120_000,
                rng.u64(2_000..60_000),
            ][rng.usize(..6)],
            is_absolute: rng.bool(),
            password,
            rotation,
            network: Network::draw(rng),
            outages: some(rng, 2, |rng| {
                let (start, length) = (rng.u64(0..well_at), rng.u64(500..30_000));
                (start, start + length, Outage::draw(rng))
            }),
            tampers: some(rng, 3, |rng| (rng.u64(0..well_at), Tamper::draw(rng))),
            resets: some(rng, 2, |rng| (rng.u64(0..well_at), rng.bool())),
            interrupts: some(rng, 5, Interrupt::draw),
            well_at,
            patience: if rng.u8(..8) == 0 {
                17 * 60_000
            } else {
                // The first backoff after a 403 is 60 s to 90 s.
                100_000
            },
        }
    }
}

impl Network {
    fn draw(rng: &mut Rng) -> Self {
        if rng.u8(..4) == 0 {
            return Self::default();
        }
        let rare = |rng: &mut Rng, most| {
            if rng.u8(..8) == 0 {
                rng.u32(0..=most)
            } else {
                0
            }
        };
        Self {
            store_loss: rng.u32(0..=150),
            server_loss: rng.u32(0..=400),
            odd: rng.u32(0..=200),
            unclear: rng.u32(0..=150),
            belied: rare(rng, 300),
            slow: rng.u32(0..=200),
            late: rare(rng, 200),
        }
    }
}

impl Outage {
    fn draw(rng: &mut Rng) -> Self {
        [
            Self::Failing,
            Self::Hanging,
            Self::FailingAfterWrite,
            Self::Mute,
        ][rng.usize(..4)]
    }
}

impl Tamper {
    fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..9) {
            0 | 1 => Self::Lost,
            2 => Self::RolledBack(rng.usize(1..8)),
            3 => Self::Truncated,
            4 => Self::Flipped,
            5 => Self::Newer(rng.u64(1_000..30_000)),
            6 => Self::Split(rng.u64(1_000..30_000)),
            _ => {
                Self::Clock([-300_000, -20_000, -5_000, -500, 500, 20_000, 300_000][rng.usize(..7)])
            }
        }
    }
}

impl Interrupt {
    fn draw(rng: &mut Rng) -> Self {
        let length = match rng.u8(..4) {
            0 => rng.u64(12_000..40_000),
            1 | 2 => rng.u64(10..1_000),
            _ => rng.u64(1_000..40_000),
        };
        Self {
            step: STEPS[rng.usize(..STEPS.len())],
            nth: rng.u32(1..=6),
            fate: match rng.bool() {
                true => Fate::Crash(length),
                false => Fate::Stop(length),
            },
        }
    }
}

/// Returns up to `most` items, and none in half of all cases.
fn some<T>(rng: &mut Rng, most: usize, mut draw: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    let count = if rng.bool() { rng.usize(1..=most) } else { 0 };
    (0..count).map(|_| draw(rng)).collect()
}
