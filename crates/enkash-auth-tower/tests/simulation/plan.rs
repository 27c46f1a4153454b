//! What a seed decides before anything happens.

use fastrand::Rng;

use crate::clock::Millis;

/// The rules of one run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How wrong the wall clock of each replica is.
    pub(crate) skews: Vec<i64>,
    /// How often each replica is called, on average.
    pub(crate) calls_every: Vec<Millis>,
    pub(crate) keep_warm: bool,
    pub(crate) style: Style,
    pub(crate) lifetime: Millis,
    /// The end of a token as a time of the issuer's clock, not as seconds left.
    pub(crate) is_absolute: bool,
    pub(crate) passwords: Passwords,
    pub(crate) weather: Weather,
    pub(crate) outages: Vec<(Millis, Millis, Outage)>,
    pub(crate) dooms: Vec<Doom>,
    /// When all faults end.
    pub(crate) quiet_at: Millis,
}

/// What a grant does to the token before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Nothing: there are two then.
    Fresh,
    /// There is none: it is repeated until it is over.
    Sticky,
    /// It ends it.
    Revoking,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Passwords {
    /// That of the replicas is right from beginning to end.
    Right,
    /// It is wrong until an operator comes.
    Wrong,
    /// It is changed at the issuer at the first of these times; the replicas hear of it from the
    /// second on.
    Rotated(Millis, Millis),
}

/// How often something goes wrong, in a thousand, and how long messages take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) store_loss: u32,
    pub(crate) issuer_loss: u32,
    /// An answer that is neither a grant nor a refusal.
    pub(crate) odd_answers: u32,
    /// A message that takes long.
    pub(crate) slow: u32,
}

/// How a store is down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outage {
    Refusing,
    Hanging,
    /// It does what it is told, and never says so.
    Mute,
}

/// What befalls the replica that comes to a step for the so manieth time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doom {
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

/// Around an attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    LoadSent,
    BeginSent,
    BeginDone,
    LeaveReceived,
    PasswordSent,
    PasswordJudged,
    AnswerReceived,
    FinishSent,
    FinishDone,
    FinishConfirmed,
}

const STEPS: [Step; 10] = [
    Step::LoadSent,
    Step::BeginSent,
    Step::BeginDone,
    Step::LeaveReceived,
    Step::PasswordSent,
    Step::PasswordJudged,
    Step::AnswerReceived,
    Step::FinishSent,
    Step::FinishDone,
    Step::FinishConfirmed,
];

impl Plan {
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let replicas = rng.usize(2..=4);
        let quiet_at = rng.u64(20_000..90_000);
        let is_calm = rng.u8(..4) == 0;
        let mut often = |most: u32| if is_calm { 0 } else { rng.u32(0..=most) };
        let weather = Weather {
            store_loss: often(150),
            issuer_loss: often(300),
            odd_answers: often(300),
            slow: often(200),
        };
        let outages = (0..rng.u32(0..=2) * u32::from(rng.bool()))
            .map(|_| {
                let start = rng.u64(0..quiet_at);
                let outage = [Outage::Refusing, Outage::Hanging, Outage::Mute];
                (start, start + rng.u64(500..30_000), outage[rng.usize(..3)])
            })
            .collect();
        Self {
            skews: (0..replicas).map(|_| rng.i64(-300_000..300_000)).collect(),
            calls_every: (0..replicas).map(|_| rng.u64(300..6_000)).collect(),
            keep_warm: rng.u8(..4) == 0,
            style: [Style::Fresh, Style::Sticky, Style::Revoking][rng.usize(..3)],
            lifetime: [
                2_000,
                5_000,
                10_000,
                30_000,
                120_000,
                rng.u64(2_000..60_000),
            ][rng.usize(..6)],
            is_absolute: rng.bool(),
            passwords: match rng.u8(..4) {
                0 | 1 => Passwords::Right,
                2 => Passwords::Wrong,
                _ => {
                    let at = rng.u64(0..quiet_at) * u64::from(rng.bool());
                    Passwords::Rotated(at, at + rng.u64(0..40_000))
                }
            },
            weather,
            outages,
            dooms: Doom::some(rng),
            quiet_at,
        }
    }

    pub(crate) fn replicas(&self) -> usize {
        self.skews.len()
    }
}

impl Doom {
    /// Some, and now and then one after whose end the lease is over.
    fn some(rng: &mut Rng) -> Vec<Self> {
        let late = Self {
            step: Step::PasswordSent,
            nth: rng.u32(1..=2),
            fate: Fate::Stop(rng.u64(12_000..40_000)),
        };
        let late = Some(late).filter(|_| rng.u8(..4) == 0);
        let any = (0..rng.usize(0..=4)).map(|_| Self::draw(rng));
        any.chain(late).collect()
    }

    fn draw(rng: &mut Rng) -> Self {
        let length = [rng.u64(10..1_000), rng.u64(1_000..40_000)][rng.usize(..2)];
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
