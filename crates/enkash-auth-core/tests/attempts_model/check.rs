//! Runs the checks.

use stateright::{Checker, HasDiscoveries, Model};

use crate::{
    action::Action,
    configurations::ALL,
    model::Attempts,
    progress,
    rules::{OFF, Rule},
    world::World,
};

/// How many states of a configuration are generated unless `ATTEMPTS_MODEL` sets another number.
const BOUNDED: usize = if cfg!(debug_assertions) {
    1_000
} else {
    60_000
};

struct Found {
    property: &'static str,
    actions: Vec<Action>,
    last: World,
}

fn most() -> usize {
    let most = std::env::var("ATTEMPTS_MODEL").ok();
    most.and_then(|most| most.parse().ok()).unwrap_or(BOUNDED)
}

/// Only configurations and rules whose name contains `ATTEMPTS_MODEL_ONLY`.
fn is_wanted(name: &str) -> bool {
    std::env::var("ATTEMPTS_MODEL_ONLY").map_or(true, |only| name.contains(&only))
}

/// Visits the states of `model`, nearest first. Returns how many there are, whether those are all, and the
/// shortest path to a forbidden state.
fn run(model: Attempts, most: usize) -> (usize, bool, Option<Found>) {
    let builder = model.checker().finish_when(HasDiscoveries::AnyFailures);
    let checker = builder.target_state_count(most).spawn_bfs().join();
    let mut found: Vec<_> = checker
        .discoveries()
        .into_iter()
        .map(|(property, path)| Found {
            property,
            last: path.last_state().clone(),
            actions: path.into_actions(),
        })
        .collect();
    found.sort_by_key(|found| found.actions.len());
    let is_all = checker.state_count() < most;
    (
        checker.unique_state_count(),
        is_all,
        found.into_iter().next(),
    )
}

#[test]
#[ignore = "takes half a minute in release"]
fn no_third_strike_and_progress() {
    let (mut total, mut failed) = (0, Vec::new());
    for model in ALL.iter().filter(|model| is_wanted(model.name)) {
        let (states, is_all, found) = run(model.clone(), most());
        total += states;
        println!(
            "{:<24} {states:>9} states{}",
            model.name,
            if is_all { "" } else { ", of more" }
        );
        if let Some(found) = found {
            println!("  {}:", found.property);
            found
                .actions
                .iter()
                .for_each(|action| println!("    {action:?}"));
            println!("  {:?}", found.last.history);
            if let Err(why) = progress::check(model, &found.last) {
                println!("  {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            failed.push(model.name);
        }
    }
    println!("{total} states in all");
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
#[ignore = "takes half a minute in release"]
fn disabled_rule_is_caught_by_the_model() {
    let mut failed = Vec::new();
    for (rule, name) in OFF
        .iter()
        .filter(|(rule, _)| is_wanted(&format!("{rule:?}")))
    {
        match without(*rule, name) {
            Some((name, found)) => {
                let (property, length) = (found.property, found.actions.len());
                println!(
                    "{:<28} {name:<24} {length:>2} steps  {property}",
                    format!("{rule:?}")
                );
                if std::env::var("ATTEMPTS_MODEL_STEPS").is_ok() {
                    found
                        .actions
                        .iter()
                        .for_each(|action| println!("    {action:?}"));
                }
            }
            None => failed.push(rule),
        }
    }
    assert!(failed.is_empty(), "no counterexample without {failed:?}");
}

/// The shortest counterexample that is found without `rule`.
fn without(rule: Rule, name: &str) -> Option<(&'static str, Found)> {
    let mut models = ALL.iter().filter(|model| model.name == name);
    models.find_map(|model| {
        let model = Attempts {
            off: Some(rule),
            ..model.clone()
        };
        let name = model.name;
        let (_, _, found) = run(model, most().max(1_000_000));
        Some((name, found?))
    })
}
