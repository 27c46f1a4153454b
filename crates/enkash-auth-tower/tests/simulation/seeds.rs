//! Many runs, on two threads.

use std::{
    env,
    fmt::Debug,
    ops::{AddAssign, Range},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

const THREADS: usize = 2;

/// How many of the failed seeds are shown.
const SHOWN: usize = 20;

pub(crate) enum Seeds {
    /// This one, with its trace.
    One(u64),
    Many(Range<u64>),
}

impl Seeds {
    /// Returns the seeds that the environment names, or as many as usual.
    pub(crate) fn from_environment(usual: u64) -> Self {
        let number = |text: &str| text.parse().unwrap();
        if let Ok(seed) = env::var("ENKASH_SEED") {
            return Self::One(number(&seed));
        }
        let seeds = env::var("ENKASH_SEEDS").unwrap_or(usual.to_string());
        let (first, end) = seeds.split_once("..").unwrap_or(("0", &seeds));
        Self::Many(number(first)..number(end))
    }
}

/// What came of one run: what was counted, or the rule that was broken.
pub(crate) struct Run<T> {
    pub(crate) outcome: Result<T, String>,
    pub(crate) log: Vec<String>,
}

/// Runs them all; with `true`, with a trace.
pub(crate) fn check<T>(seeds: &Seeds, run: fn(u64, bool) -> Run<T>)
where
    T: AddAssign + Debug + Default + Send,
{
    let seeds = match seeds {
        Seeds::One(seed) => {
            let run = run(*seed, true);
            for line in &run.log {
                println!("{line}");
            }
            println!("{:?}", run.outcome);
            assert!(run.outcome.is_ok(), "seed {seed}: {:?}", run.outcome);
            return;
        }
        Seeds::Many(seeds) => seeds,
    };
    let (next, sum, failed) = (
        AtomicU64::new(seeds.start),
        Mutex::new(T::default()),
        Mutex::new(Vec::new()),
    );
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    match run(seed, false).outcome {
                        Ok(totals) => *sum.lock().unwrap() += totals,
                        Err(violation) => failed.lock().unwrap().push((seed, violation)),
                    }
                }
            });
        }
    });
    println!("{:?}", sum.into_inner().unwrap());
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    for (seed, violation) in failed.iter().take(SHOWN) {
        println!("ENKASH_SEED={seed}: {violation}");
    }
    assert!(
        failed.is_empty(),
        "{} of {seeds:?} break a rule",
        failed.len()
    );
}
