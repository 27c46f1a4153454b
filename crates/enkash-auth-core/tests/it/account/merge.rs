//! Merges of the facts of two processes.

use std::{collections::BTreeSet, time::Duration};

use enkash_auth_core::account::{Acquire, AttemptOutcome, Facts, Permit};
use proptest::prelude::*;

use super::support::{Account, GUESSED, LEASE, LOST, REJECTED, UNCLEAR};
use crate::support::secs;

fn merged(one: &Facts, other: &Facts) -> Facts {
    let mut facts = one.clone();
    facts.merge(other);
    facts
}

/// Events of an account.
#[derive(Clone, Debug)]
enum Event {
    Attempt(u8, AttemptOutcome),
    Open(u8),
    /// The last opened attempt ends.
    End(AttemptOutcome),
    Reset(bool),
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = || {
        prop_oneof![
            Just(AttemptOutcome::Granted),
            Just(AttemptOutcome::Uncounted),
            Just(AttemptOutcome::Locked),
            Just(REJECTED),
            Just(GUESSED),
            Just(LOST),
            Just(UNCLEAR),
        ]
    };
    let event = prop_oneof![
        4 => (0..3_u8, outcome()).prop_map(|(password, outcome)| Event::Attempt(password, outcome)),
        1 => (0..3_u8).prop_map(Event::Open),
        2 => outcome().prop_map(Event::End),
        1 => any::<bool>().prop_map(Event::Reset),
        2 => (1..1000_u64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..20)
}

/// An account and its last opened attempt.
#[derive(Clone)]
struct Live {
    account: Account,
    open: Option<Permit>,
}

impl Live {
    fn new() -> Self {
        Self {
            account: Account::new(),
            open: None,
        }
    }

    fn apply(&mut self, event: &Event) {
        let account = &mut self.account;
        match event {
            Event::Attempt(password, outcome) => {
                if let Acquire::Granted(permit) =
                    account.try_acquire(&password.to_string(), Some(true))
                {
                    account.end(&permit, *outcome);
                }
            }
            Event::Open(password) => {
                if let Acquire::Granted(permit) =
                    account.try_acquire(&password.to_string(), Some(true))
                {
                    self.open = Some(permit);
                }
            }
            Event::End(outcome) => {
                if let Some(permit) = &self.open {
                    account.end(permit, *outcome);
                }
            }
            Event::Reset(allow_rejected) => drop(account.reset(*allow_rejected)),
            Event::Pass(seconds) => account.pass(secs(*seconds)),
        }
        account.witness.see(&account.facts, account.now);
    }

    /// Facts that diverge from these.
    fn fork(&self, events: &[Event], first_id: u8) -> Facts {
        let mut fork = self.clone();
        fork.account.skip_ids(first_id);
        events.iter().for_each(|event| fork.apply(event));
        fork.account.facts
    }
}

/// The facts after each event.
fn history(events: &[Event]) -> Vec<Facts> {
    let mut live = Live::new();
    let after = |event| {
        live.apply(event);
        live.account.facts.clone()
    };
    [Facts::default()]
        .into_iter()
        .chain(events.iter().map(after))
        .collect()
}

/// The counted, cleared and rejected items, without their times.
fn meaning(facts: &Facts) -> BTreeSet<String> {
    let json = serde_json::to_value(facts).expect("JSON");
    let lists = ["attempts", "cleared", "rejected"];
    let items = lists
        .iter()
        .filter_map(|list| json.get(list)?.as_array())
        .flatten();
    let fields = ["id", "state", "with_fingerprint", "guessed"];
    items
        .map(|item| fields.map(|name| item.get(name).map(ToString::to_string)))
        .map(|values| format!("{values:?}"))
        .collect()
}

/// Merges `witnessed` into a record, as a process that polls it. Returns whether it changed.
fn poll(record: &mut Facts, witnessed: &mut Facts) -> bool {
    let before = record.clone();
    record.merge(witnessed);
    witnessed.clone_from(record);
    *record != before
}

proptest! {
    #[test]
    fn merge_is_idempotent(events in events()) {
        for facts in history(&events) {
            prop_assert_eq!(merged(&facts, &facts), facts);
        }
    }

    #[test]
    fn merge_of_earlier_facts_changes_nothing(events in events(), at in any::<prop::sample::Index>()) {
        let all = history(&events);
        let (earlier, last) = (at.get(&all), all.last().expect("the first"));
        let both = merged(last, earlier);
        prop_assert_eq!(&both, last);
    }

    #[test]
    fn merge_is_commutative_except_for_success(
        events in events(),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let all = history(&events);
        let without_success = |facts: &Facts| -> Facts {
            let mut json = serde_json::to_value(facts).expect("JSON");
            json.as_object_mut().expect("an object").remove("success");
            serde_json::from_value(json).expect("facts")
        };
        let (one, other) = (one.get(&all), other.get(&all));
        prop_assert_eq!(
            without_success(&merged(one, other)),
            without_success(&merged(other, one))
        );
    }

    #[test]
    fn forks_merge_to_the_same_verdict(base in events(), one in events(), other in events()) {
        let mut live = Live::new();
        base.iter().for_each(|event| live.apply(event));
        let (one, other) = (live.fork(&one, 100), live.fork(&other, 150));
        prop_assert_eq!(meaning(&merged(&one, &other)), meaning(&merged(&other, &one)));
    }

    #[test]
    fn processes_stop_writing_after_one_read_each(base in events(), one in events(), other in events()) {
        let mut live = Live::new();
        base.iter().for_each(|event| live.apply(event));
        let (mut one, mut other) = (live.fork(&one, 100), live.fork(&other, 150));
        for mut record in [live.account.facts.clone(), Facts::default(), one.clone()] {
            poll(&mut record, &mut one);
            poll(&mut record, &mut other);
            poll(&mut record, &mut one);
            for witnessed in [&mut one, &mut other, &mut live.account.facts] {
                poll(&mut record, witnessed);
                prop_assert!(!poll(&mut record, witnessed));
            }
            prop_assert!(!poll(&mut record, &mut one));
        }
    }

    #[test]
    fn merge_closes_and_never_opens(base in events(), one in events(), other in events()) {
        let mut live = Live::new();
        base.iter().for_each(|event| live.apply(event));
        let (one, other) = (live.fork(&one, 100), live.fork(&other, 150));
        let both = merged(&one, &other);
        let json = serde_json::to_value(&both).expect("JSON");
        let cleared = json["cleared"].as_array().expect("a list").iter();
        let cleared: BTreeSet<_> = cleared.map(|cleared| cleared["id"].to_string()).collect();
        for attempt in one.attempts().iter().chain(other.attempts()) {
            let counts = both.attempts().iter().any(|counted| counted.id() == attempt.id());
            let id = format!("\"{:x}\"", attempt.id());
            prop_assert!(counts || cleared.contains(&id));
        }
    }

    #[test]
    fn merge_is_associative(
        events in events(),
        indices in prop::array::uniform3(any::<prop::sample::Index>()),
    ) {
        let all = history(&events);
        let [a, b, c] = indices.map(|index| index.get(&all).clone());
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }
}

#[test]
fn sixty_four_cleared_ids_are_kept() {
    let mut account = Account::new();
    account.attempt("x", REJECTED);
    let old = account.facts.clone();
    account.attempt("good", AttemptOutcome::Granted);
    // Each success clears its own id: 62 more make 64.
    for _ in 0..62 {
        account.pass(Duration::from_secs(1));
        account.attempt("good", AttemptOutcome::Granted);
    }
    assert_eq!(merged(&account.facts, &old).attempts().len(), 0);
    account.attempt("good", AttemptOutcome::Granted);
    account.attempt("good", AttemptOutcome::Granted);
    // Its return closes the account needlessly, and opens nothing.
    assert_eq!(merged(&account.facts, &old).attempts().len(), 1);
}

#[test]
fn stamps_increase_after_clock_set_back() {
    let mut account = Account::new();
    account.skip_ids(100);
    for _ in 0..64 {
        account.attempt("good", AttemptOutcome::Granted);
    }
    account.now = account.now - secs(1000);
    // Ids decide among equal stamps alone.
    account.skip_ids(0);
    account.attempt("x", REJECTED);
    let old = account.facts.clone();
    account.attempt("good", AttemptOutcome::Granted);
    // The last cleared id is among the newest 64.
    assert_eq!(merged(&account.facts, &old).attempts().len(), 0);
}

#[test]
fn later_attempt_state_wins() {
    let mut account = Account::new();
    let permit = account.acquire("x");
    let open = account.facts.clone();
    account.end(&permit, REJECTED);
    for facts in [merged(&open, &account.facts), merged(&account.facts, &open)] {
        assert_eq!(facts, account.facts);
    }
    account.pass(LEASE);
}

#[test]
fn explicit_rejection_wins_over_a_guess() {
    let mut account = Account::new();
    let permit = account.attempt("x", GUESSED);
    let guessed = account.facts.clone();
    account.end(&permit, REJECTED);
    for facts in [
        merged(&guessed, &account.facts),
        merged(&account.facts, &guessed),
    ] {
        assert_eq!(facts, account.facts);
    }
}

#[test]
fn probe_result_applies_to_the_same_success_only() {
    let mut account = Account::known_good("good");
    account.attempt("good", LOST);
    let before = account.facts.clone();
    account.attempt("good", LOST);
    let probed = account.facts.clone();
    for facts in [merged(&before, &probed), merged(&probed, &before)] {
        assert_eq!(facts, probed);
    }
    // No probe is recorded since the next success.
    account.pass(secs(15 * 60));
    account.attempt("good", AttemptOutcome::Granted);
    assert_eq!(merged(&account.facts, &probed), account.facts);
}

#[test]
fn merged_lists_have_one_order() {
    let facts = |first_id, later| {
        let mut account = Account::new();
        account.skip_ids(first_id);
        account.pass(later);
        account.attempt("x", REJECTED);
        account.reset(false);
        account.attempt("y", LOST);
        account.facts
    };
    let (earlier, later) = (facts(100, secs(0)), facts(0, secs(1)));
    let both = merged(&earlier, &later);
    assert_eq!(both, merged(&later, &earlier));
    assert_eq!(both.attempts()[..1], *earlier.attempts());
}
