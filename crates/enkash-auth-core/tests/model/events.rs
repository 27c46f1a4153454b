//! The events of a cache.

use std::time::Duration;

use enkash_auth_core::FailureKind;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Lookup {
        can_fetch: bool,
    },
    /// The pending fetch completes, or one that was pending before it.
    Complete {
        late: bool,
        how: How,
        jitter: f64,
    },
    /// The API did not take the cached token, or one before it.
    Unauthorized {
        late: bool,
        is_proof: bool,
        call: Option<Seen>,
    },
    /// The user rejected it.
    Reject {
        late: bool,
    },
    /// The API took it.
    Accepted {
        late: bool,
        call: Seen,
    },
    Pass(Duration),
    /// The machine is suspended, or its wall clock is set forward.
    Suspend(Duration),
    SetBack(Duration),
    ChangeCredentials {
        keeps_token: bool,
    },
    ClearBackoff,
}

/// A watched call, by its age.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) age: Duration,
    pub(crate) origin: u64,
    pub(crate) path: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum How {
    Granted { is_new: bool, lifetime: Duration },
    Failed(FailureKind),
    Aborted,
}

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    let span = |millis: u64| (0..millis).prop_map(Duration::from_millis);
    let kind = prop_oneof![
        Just(FailureKind::Unavailable),
        Just(FailureKind::InvalidResponse),
        Just(FailureKind::Rejected),
        Just(FailureKind::AccountClosed),
        Just(FailureKind::Unresolved),
        Just(FailureKind::Misconfigured),
        Just(FailureKind::Forbidden),
    ];
    let lifetime = prop_oneof![8..1_000_u64, 1_000..400_000_u64, 80_000_000..86_400_000_u64];
    let lifetime = lifetime.prop_map(Duration::from_millis);
    let how = prop_oneof![
        4 => (any::<bool>(), lifetime).prop_map(|(is_new, lifetime)| How::Granted { is_new, lifetime }),
        3 => kind.prop_map(How::Failed),
        1 => Just(How::Aborted),
    ];
    let seen = || {
        let age = prop_oneof![Just(Duration::ZERO), span(1_000), span(20_000)];
        (age, 0..2_u64, 0..20_u64).prop_map(|(age, origin, path)| Seen { age, origin, path })
    };
    prop_oneof![
        6 => prop::bool::weighted(0.9).prop_map(|can_fetch| Event::Lookup { can_fetch }),
        6 => (prop::bool::weighted(0.2), how, 0.0..=1.0)
            .prop_map(|(late, how, jitter)| Event::Complete { late, how, jitter }),
        6 => (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::option::weighted(0.9, seen()))
            .prop_map(|(late, is_proof, call)| Event::Unauthorized { late, is_proof, call }),
        1 => any::<bool>().prop_map(|late| Event::Reject { late }),
        1 => (prop::bool::weighted(0.1), seen()).prop_map(|(late, call)| Event::Accepted { late, call }),
        4 => prop_oneof![span(900), span(20_000), span(400_000)].prop_map(Event::Pass),
        1 => span(400_000).prop_map(Event::Suspend),
        1 => span(400_000).prop_map(Event::SetBack),
        1 => any::<bool>().prop_map(|keeps_token| Event::ChangeCredentials { keeps_token }),
        1 => Just(Event::ClearBackoff),
    ]
}
