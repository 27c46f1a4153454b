//! The rules that can be switched off, one at a time.

use enkash_auth_core::account::Facts;
use serde_json::Value;

/// A rule of the design, as the protocol of the model applies it.
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
    /// A reset keeps an attempt whose lease has not passed.
    ResetWaits,
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
    /// A late owner's success is dropped.
    DropLateSuccess,
    /// A late rejection counts.
    LateRejection,
    /// Known good: the last success used these credentials.
    LastSuccess,
    /// Known good: only attempts without a complete response.
    OnlyLost,
    /// Known good: after a response to a probe.
    Probe,
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
    (Rule::ResetWaits, "reset"),
    (Rule::GuessRejection, "allow"),
    (Rule::DamagedCounts, "damage"),
    (Rule::NewerIsUnavailable, "newer"),
    (Rule::OpenBlocks, "three"),
    (Rule::TwoClocks, "clock"),
    (Rule::FetchLimit, "steps"),
    (Rule::EndUnwritten, "writes"),
    (Rule::WriteFirst, "steps"),
    (Rule::DropLateSuccess, "late success"),
    (Rule::LateRejection, "reset with lease"),
    (Rule::LastSuccess, "unresolved"),
    (Rule::OnlyLost, "unclear"),
    (Rule::Probe, "silence"),
    (Rule::Pause, "password"),
    (Rule::UnstoredKnownGood, "outage of two"),
    (Rule::UnstoredOnce, "outage alone"),
    (Rule::UnstoredBudget, "outage alone"),
];

/// `facts` with their JSON changed, which no function of core does.
pub(crate) fn edited(
    facts: &Facts,
    edit: impl FnOnce(&mut serde_json::Map<String, Value>),
) -> Facts {
    let mut json = serde_json::to_value(facts).unwrap();
    edit(json.as_object_mut().unwrap());
    serde_json::from_value(json).unwrap()
}
