//! The configurations that are checked, each with limits for the events of the environment.

use crate::{model::Attempts, protocol::OnStoreDown, world::Budget};

const BASE: Attempts = Attempts {
    name: "",
    credentials: &[0, 1],
    fetches: 2,
    right: 0,
    known_good: None,
    budget: NONE,
    policy: OnStoreDown::KnownGood,
    is_split: false,
    has_probes: true,
    off: None,
    has_progress: true,
};

const NONE: Budget = Budget {
    short: 0,
    long: 0,
    crashes: 0,
    lost: 0,
    silences: 0,
    blurred: 0,
    gateways: 0,
    passwords: 0,
    resets: 0,
    allowing_resets: 0,
    losses: 0,
    rollbacks: 0,
    damages: 0,
    newer: 0,
    outages: 0,
    write_errors: 0,
    clock_steps: 0,
    splits: 0,
};

/// Credentials 0 are right at the beginning, and a change of the password makes 1 the right ones.
pub(crate) const ALL: &[Attempts] = &[
    Attempts {
        name: "late, same credentials",
        credentials: &[0, 0, 2],
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            lost: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "unresolved",
        credentials: &[1],
        fetches: 4,
        known_good: Some(0),
        budget: Budget {
            lost: 2,
            short: 2,
            long: 1,
            crashes: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "unclear",
        credentials: &[0],
        fetches: 4,
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            blurred: 2,
            long: 1,
            crashes: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "late success",
        credentials: &[0, 1],
        fetches: 3,
        budget: Budget {
            lost: 2,
            short: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "three",
        credentials: &[0, 1, 2],
        fetches: 1,
        budget: Budget {
            lost: 1,
            short: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "crash",
        credentials: &[1, 2],
        budget: Budget {
            crashes: 2,
            short: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "password",
        credentials: &[0],
        fetches: 4,
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            lost: 3,
            crashes: 1,
            short: 1,
            long: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "password of two",
        credentials: &[0, 0],
        fetches: 2,
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            lost: 2,
            long: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "silence",
        credentials: &[0],
        known_good: Some(0),
        fetches: 4,
        budget: Budget {
            passwords: 1,
            silences: 1,
            short: 1,
            long: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "no probes",
        credentials: &[0],
        known_good: Some(0),
        fetches: 3,
        has_probes: false,
        budget: Budget {
            passwords: 1,
            lost: 2,
            long: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "others lost",
        credentials: &[0, 2],
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            lost: 2,
            short: 1,
            long: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "guess and reset",
        credentials: &[1],
        budget: Budget {
            passwords: 1,
            blurred: 1,
            resets: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "guess",
        credentials: &[0, 1, 1],
        fetches: 1,
        known_good: Some(0),
        budget: Budget {
            passwords: 1,
            blurred: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "reset",
        credentials: &[1, 2],
        budget: Budget {
            lost: 1,
            resets: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "reset with lease",
        credentials: &[0, 1],
        budget: Budget {
            resets: 1,
            short: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "reset of three",
        credentials: &[0, 1, 2],
        fetches: 1,
        budget: Budget { resets: 1, ..NONE },
        ..BASE
    },
    Attempts {
        name: "one password twice",
        credentials: &[0, 1, 1],
        fetches: 1,
        budget: Budget { lost: 1, ..NONE },
        ..BASE
    },
    Attempts {
        name: "allow",
        credentials: &[1, 1],
        budget: Budget {
            blurred: 1,
            resets: 1,
            allowing_resets: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "loss",
        credentials: &[1, 1, 2],
        fetches: 1,
        budget: Budget {
            losses: 1,
            crashes: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "reset after loss",
        credentials: &[0, 1],
        fetches: 1,
        budget: Budget {
            losses: 1,
            lost: 1,
            resets: 1,
            short: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "rollback",
        credentials: &[0, 1, 2],
        fetches: 1,
        budget: Budget {
            rollbacks: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "damage",
        credentials: &[1, 2],
        budget: Budget {
            damages: 1,
            crashes: 1,
            resets: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "newer",
        credentials: &[0, 1],
        known_good: Some(0),
        budget: Budget {
            newer: 1,
            passwords: 1,
            outages: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "outage",
        credentials: &[0, 0, 0],
        fetches: 1,
        known_good: Some(0),
        budget: Budget {
            outages: 1,
            passwords: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "outage alone",
        credentials: &[0],
        fetches: 4,
        known_good: Some(0),
        budget: Budget {
            outages: 2,
            passwords: 1,
            lost: 2,
            short: 1,
            long: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "outage of two",
        credentials: &[0, 1],
        fetches: 2,
        known_good: Some(0),
        budget: Budget {
            outages: 1,
            passwords: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "hold",
        credentials: &[0, 1],
        known_good: Some(0),
        policy: OnStoreDown::Hold,
        budget: Budget {
            outages: 1,
            passwords: 1,
            lost: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "attempt",
        credentials: &[0, 1],
        policy: OnStoreDown::Attempt,
        budget: Budget {
            outages: 1,
            passwords: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "clock",
        credentials: &[1, 2],
        budget: Budget {
            clock_steps: 2,
            short: 2,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "writes",
        credentials: &[0, 1],
        fetches: 1,
        budget: Budget {
            write_errors: 2,
            short: 2,
            crashes: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "steps",
        credentials: &[1, 2],
        is_split: true,
        budget: Budget { short: 2, ..NONE },
        ..BASE
    },
    Attempts {
        name: "steps and loss",
        credentials: &[1, 2],
        fetches: 1,
        is_split: true,
        budget: Budget {
            losses: 1,
            rollbacks: 1,
            ..NONE
        },
        ..BASE
    },
    Attempts {
        name: "two stores",
        credentials: &[0, 1, 2],
        fetches: 1,
        budget: Budget { splits: 1, ..NONE },
        ..BASE
    },
    Attempts {
        name: "gateway",
        credentials: &[0, 1],
        fetches: 3,
        known_good: Some(0),
        budget: Budget {
            gateways: 2,
            passwords: 1,
            ..NONE
        },
        ..BASE
    },
];
