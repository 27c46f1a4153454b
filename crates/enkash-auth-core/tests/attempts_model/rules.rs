//! The rules that can be switched off, one at a time.

use std::time::Duration;

use enkash_auth_core::{
    Credentials, FailureKind, Timestamp,
    account::{Acquire, AttemptContext, AttemptOutcome, Facts, Permit, Witness},
};
use serde_json::Value;

use crate::world::LONG;

/// A rule of `core/account`, as the protocol of the model applies it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rule {
    /// The witness of a process is merged into any record it reads.
    MergeWitness,
    /// A process that polls writes a difference back.
    WriteBack,
    /// Cleared ids are stored: a merge is not a plain union.
    RememberCleared,
    /// Fewer than two others count.
    Budget,
    /// Unresolved attempts do not age.
    NoAgeing,
    /// Rejected credentials are not sent again.
    Fingerprints,
    /// Rejected fingerprints outlive a success of other credentials.
    FingerprintsOutliveSuccess,
    /// A success ends no attempt without a response whose lease has not passed.
    AttemptsOutliveSuccess,
    /// Rejected fingerprints outlive a plain reset.
    FingerprintsOutliveReset,
    /// A plain reset clears fingerprints that were rejected by guess.
    ResetClearsGuesses,
    /// A reset keeps an attempt whose lease has not passed.
    ResetWaits,
    /// A reset that waits clears nothing that came after its call.
    ResetOnce,
    /// An unrecognised 4xx is a rejection.
    GuessRejection,
    /// A damaged record counts two.
    DamagedCounts,
    /// A record of a newer format is not overwritten.
    NewerIsUnavailable,
    /// An open attempt blocks.
    OpenBlocks,
    /// A lease is judged by two clocks.
    TwoClocks,
    /// The owner sends nothing past its fetch limit.
    FetchLimit,
    /// An attempt whose permit never reached its owner is ended.
    EndUnwritten,
    /// An attempt is sent only once it is written.
    WriteFirst,
    /// An attempt that sent nothing does not count.
    UnsentUncounted,
    /// A success ends the attempts that were on the record.
    SuccessClears,
    /// A late owner's success clears its own attempt alone.
    LateSuccessAlone,
    /// A late rejection counts.
    LateRejection,
    /// Known good: the last success used these credentials.
    LastSuccess,
    /// Known good: only attempts of the same credentials.
    SameCredentials,
    /// Known good: only attempts without a complete response.
    OnlyLost,
    /// Known good: after a response to a probe.
    Probe,
    /// Known good: a backoff instead, if none ever had one since the last success.
    ProbeSupport,
    /// Known good: a backoff after two attempts.
    Pause,
    /// Without the store: known good only.
    UnstoredKnownGood,
    /// Without the store: one attempt.
    UnstoredOnce,
    /// Without the store: fewer than two are witnessed.
    UnstoredBudget,
}

/// Each rule, and the configuration that needs it.
pub(crate) const OFF: &[(Rule, &str)] = &[
    (Rule::MergeWitness, "loss"),
    (Rule::WriteBack, "loss"),
    (Rule::RememberCleared, "reset of three"),
    (Rule::Budget, "reset"),
    (Rule::NoAgeing, "unresolved"),
    (Rule::Fingerprints, "allow"),
    (Rule::FingerprintsOutliveSuccess, "one password twice"),
    (Rule::AttemptsOutliveSuccess, "late, same credentials"),
    (Rule::FingerprintsOutliveReset, "allow"),
    (Rule::ResetClearsGuesses, "guess and reset"),
    (Rule::ResetWaits, "reset"),
    (Rule::ResetOnce, "reset"),
    (Rule::GuessRejection, "allow"),
    (Rule::DamagedCounts, "damage"),
    (Rule::NewerIsUnavailable, "newer"),
    (Rule::OpenBlocks, "three"),
    (Rule::TwoClocks, "clock"),
    (Rule::FetchLimit, "steps"),
    (Rule::EndUnwritten, "writes"),
    (Rule::WriteFirst, "steps"),
    (Rule::UnsentUncounted, "reset with lease"),
    (Rule::SuccessClears, "late success"),
    (Rule::LateSuccessAlone, "late success"),
    (Rule::LateRejection, "reset with lease"),
    (Rule::LastSuccess, "unresolved"),
    (Rule::SameCredentials, "others lost"),
    (Rule::OnlyLost, "unclear"),
    (Rule::Probe, "silence"),
    (Rule::ProbeSupport, "no probes"),
    (Rule::Pause, "password"),
    (Rule::UnstoredKnownGood, "outage of two"),
    (Rule::UnstoredOnce, "outage alone"),
    (Rule::UnstoredBudget, "outage alone"),
];

impl Rule {
    /// Decides on an attempt as [`Facts::acquire`] does, without the rule that is `off`. `probe` sends a probe.
    pub(crate) fn acquire(
        off: Option<Self>,
        facts: &mut Facts,
        mut ctx: AttemptContext<'_>,
        witness: &Witness,
        mut now: Timestamp,
        has_probe: bool,
    ) -> Option<Permit> {
        let credentials = ctx.credentials;
        let mut witness = witness.clone();
        match off {
            Some(Self::NoAgeing) => ctx.retry_unresolved_after = Some(Duration::ZERO),
            Some(Self::OpenBlocks) => {
                let open = facts.attempts().iter().filter(|attempt| attempt.is_open());
                open.for_each(|attempt| witness.note_death(attempt));
                facts.merge(witness.facts());
            }
            // As if each attempt had been seen long ago.
            Some(Self::TwoClocks) => {
                now = Timestamp::new(now.monotonic_nanos() + LONG, now.unix_nanos());
            }
            Some(Self::LastSuccess) => {
                *facts = edited(facts, |facts| {
                    insert(facts.get_mut("success"), "fingerprint", print(credentials));
                });
            }
            Some(Self::ProbeSupport) => {
                *facts = edited(facts, |facts| {
                    insert(facts.get_mut("success"), "probed", true.into());
                });
            }
            _ => {}
        }
        let before = facts.clone();
        let mut acquired = facts.acquire(&ctx, &witness, now);
        if matches!(acquired, Acquire::Probe) {
            ctx.probe = Some(has_probe || off == Some(Self::Probe));
            acquired = facts.acquire(&ctx, &witness, now);
        }
        if off == Some(Self::SuccessClears) && matches!(acquired, Acquire::Granted(_)) {
            let mut alone = edited(&before, |facts| drop(facts.remove("attempts")));
            acquired = alone.acquire(&ctx, &witness, now);
        }
        if let Acquire::Denied(error) = &acquired {
            let retry = match (off, error.kind()) {
                (Some(Self::Budget), FailureKind::AccountClosed) => Some(("attempts", now)),
                (Some(Self::Fingerprints), FailureKind::Rejected) => Some(("rejected", now)),
                (Some(Self::SameCredentials), FailureKind::AccountClosed) => Some(("others", now)),
                (Some(Self::Pause), FailureKind::Unavailable) => {
                    let later = Timestamp::new(now.monotonic_nanos() + LONG, now.unix_nanos());
                    Some(("", later))
                }
                _ => None,
            };
            if let Some((field, now)) = retry {
                *facts = edited(&before, |facts| drop(facts.remove(field)));
                if off == Some(Self::SameCredentials) {
                    *facts = edited(facts, |facts| {
                        let attempts = facts.get_mut("attempts").and_then(Value::as_array_mut);
                        for attempt in attempts.into_iter().flatten() {
                            insert(Some(attempt), "fingerprint", print(credentials));
                        }
                    });
                }
                if off == Some(Self::Fingerprints) {
                    // The attempts hold them, too.
                    *facts = edited(facts, |facts| drop(facts.remove("attempts")));
                }
                ctx.probe = Some(true);
                acquired = facts.acquire(&ctx, &witness, now);
                let mut all = before;
                all.merge(facts);
                *facts = all;
            }
        }
        match acquired {
            Acquire::Granted(permit) => Some(permit),
            _ => None,
        }
    }

    /// Records an outcome. Returns whether the attempt was still the open one.
    pub(crate) fn record(
        off: Option<Self>,
        facts: &mut Facts,
        permit: &Permit,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> bool {
        let far = now + Duration::from_nanos(100 * LONG);
        let is_open = facts
            .attempts()
            .iter()
            .any(|attempt| attempt.id() == permit.id() && attempt.is_open());
        let clear = |facts: &mut Facts, allow| {
            let before = facts.clone();
            facts.reset(&before, allow, &Witness::default(), far);
        };
        match (off, outcome) {
            (Some(Self::LateRejection), AttemptOutcome::Rejected { .. }) if !is_open => {
                return false;
            }
            (Some(Self::LateSuccessAlone), AttemptOutcome::Granted) if !is_open => {
                clear(facts, false);
                return true;
            }
            _ => {}
        }
        let is_current = facts.record_outcome(permit, outcome, now);
        if outcome == AttemptOutcome::Granted && is_current {
            match off {
                Some(Self::FingerprintsOutliveSuccess) => {
                    *facts = edited(facts, |facts| drop(facts.remove("rejected")));
                }
                Some(Self::AttemptsOutliveSuccess) => clear(facts, false),
                _ => {}
            }
        }
        is_current
    }
}

fn print(credentials: &Credentials) -> Value {
    serde_json::to_value(credentials.fingerprint([7; 16])).unwrap()
}

fn insert(object: Option<&mut Value>, field: &str, value: Value) {
    if let Some(object) = object.and_then(Value::as_object_mut) {
        object.insert(field.into(), value);
    }
}

/// `facts` with their JSON changed, which no function of core does.
pub(crate) fn edited(
    facts: &Facts,
    edit: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Facts {
    let mut json = serde_json::to_value(facts).unwrap();
    edit(json.as_object_mut().unwrap());
    serde_json::from_value(json).unwrap()
}
