use std::time::Duration;

use enkash_auth_core::lifetime::{Exchange, Expiry};

use super::*;

const START: u64 = 1_000_000;

fn at(second: u64) -> Timestamp {
    Timestamp::new(second * 1_000_000_000, second * 1_000_000_000)
}

/// Grants tokens of `length` seconds to accounts in the seconds `granted`, refreshes them when they are due, and
/// returns how many refreshes there were in each second.
fn refreshes(granted: impl Iterator<Item = u64>, length: u64, seconds: u64) -> Vec<u32> {
    let (jitter, policy) = (Jitter::default(), Policy::default());
    let mut due: BTreeMap<u64, u32> = BTreeMap::new();
    for second in granted {
        *due.entry(START + second).or_default() += 1;
    }
    let mut refreshed = vec![0; seconds as usize];
    for (second, refreshed) in refreshed.iter_mut().enumerate() {
        let now = at(START + second as u64);
        *refreshed = due.remove(&(START + second as u64)).unwrap_or_default();
        for _ in 0..*refreshed {
            let expiry = Expiry::In(Duration::from_secs(length));
            let lifetime = Exchange::new(now, None).lifetime(&[expiry]);
            let chosen = jitter.choose(&lifetime, now, &policy);
            let schedule = Schedule::new(&lifetime, &policy, chosen).unwrap();
            *due.entry(super::second(schedule.refresh_at())).or_default() += 1;
        }
    }
    refreshed
}

/// Returns the peak of any ten seconds, as a multiple of the mean.
fn peak(refreshes: &[u32]) -> f64 {
    let sums = refreshes.windows(10).map(|ten| ten.iter().sum::<u32>());
    let mean = f64::from(refreshes.iter().sum::<u32>()) / refreshes.len() as f64;
    f64::from(sums.max().unwrap()) / (10.0 * mean)
}

#[test]
fn accounts_fetched_at_once_are_refreshed_evenly() {
    let refreshes = refreshes((0..6_000).map(|nth| nth / 600), 300, 3_300);
    let peak = peak(&refreshes[300..]);
    assert!(peak <= 1.2, "{peak}");
}

#[test]
fn accounts_that_are_spread_are_refreshed_late() {
    let refreshes = refreshes((0..6_000).map(|nth| nth / 24), 300, 3_250);
    let settled = &refreshes[1_250..];
    assert!(peak(settled) <= 1.2, "{}", peak(settled));
    // Each once in 240 s or more.
    let total: u32 = settled.iter().sum();
    assert!(total < 6_000 * 2_000 / 230, "{total}");
}

#[test]
fn single_account_is_refreshed_in_its_window() {
    let refreshes = refreshes([0].into_iter(), 300, 3_000);
    let total: u32 = refreshes.iter().sum();
    assert!((12..=13).contains(&total), "{total}");
}

#[test]
fn shortest_and_longest_lifetimes_are_spread() {
    for (length, seconds) in [(4, 50), (86_400, 200_000)] {
        let refreshes = refreshes((0..100).map(|_| 0), length, seconds);
        let total: u32 = refreshes.iter().sum();
        let (least, most) = (seconds / length, 3 + 2 * seconds / length);
        assert!(
            (least as u32..=most as u32).contains(&(total / 100)),
            "{total}"
        );
    }
}
