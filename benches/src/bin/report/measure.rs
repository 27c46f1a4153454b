use std::io;

use enkash_auth_benches::{
    accounts::{self, Load},
    allocations,
    end_to_end::{self, CLIENTS},
    hot::{INSERT, WAYS, Way},
    instructions,
    rotation::{self, Latencies},
    scaling,
    storm::{self, CALLERS, CALLERS_IN_SERIES, FETCH, HandWritten, Ours, Outcome},
    time::{self, median, quantile},
};
use enkash_auth_sandbox::Issuing;
use tokio::runtime::{Builder, Runtime};

use crate::figures::Figures;

/// The number of rounds, each with every way.
const ROUNDS: usize = 301;

/// Creates a runtime with as many threads as the benchmark machines have.
fn runtime() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_time().build()
}

/// Measures `ways`: the first is the base, and ratios are relative to the second.
pub(crate) fn hot_path(figures: &mut Figures, ways: &[Way]) -> io::Result<()> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let nanos = time::over_the_first(ways, ROUNDS);
    let allocations = allocations::over_the_first(ways);
    let instructions = match instructions::over_the_first(ways) {
        Ok(counts) => counts,
        // The other figures need neither valgrind nor gungraun.
        Err(error) => {
            eprintln!("instructions are not counted: {error}");
            Vec::new()
        }
    };
    for (at, way) in ways.iter().enumerate().skip(1) {
        let name = format!("hot_path.{}", way.name);
        for (kind, ratio, values) in [
            ("nanos", "time_ratio", &nanos),
            ("instructions", "instructions_ratio", &instructions),
        ] {
            if let (Some(value), Some(insert)) = (values.get(at), values.get(INSERT)) {
                figures.add(format!("{name}.{kind}"), *value)?;
                figures.add(format!("{name}.{ratio}"), value / insert)?;
            }
        }
        if let Some(allocations) = allocations.get(at) {
            figures.add(format!("{name}.allocations"), *allocations)?;
        }
    }
    Ok(())
}

pub(crate) fn contention(figures: &mut Figures, names: &[&str]) -> io::Result<()> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    for way in WAYS.iter().filter(|way| names.contains(&way.name)) {
        match scaling::of_two_threads(way, ROUNDS) {
            Some(scaling) => {
                figures.add(format!("contention.{}.scaling", way.name), scaling)?;
                if way.name == "cloned" {
                    figures.add("hot_path.cloned.scaling", scaling)?;
                }
            }
            None => eprintln!("{}: the machine never ran two threads at once", way.name),
        }
    }
    Ok(())
}

/// Measures 10,000 callers on a cold cache, as many with a failing fetch, and 100 with short timeouts.
pub(crate) fn storms(figures: &mut Figures) -> io::Result<()> {
    let runtime = runtime()?;
    let cold: Vec<Outcome> = (0..9)
        .map(|_| runtime.block_on(storm::cold::<Ours>(CALLERS)))
        .collect();
    let worst = |of: fn(&Outcome) -> u64| cold.iter().map(of).max().unwrap_or_default() as f64;
    figures.add("storm.cold.fetches", worst(|it| it.fetches))?;
    figures.add("storm.cold.failed", worst(|it| it.failed))?;
    let took = cold.iter().map(|it| it.took.as_secs_f64()).collect();
    figures.add("storm.cold.time_ratio", median(took) / FETCH.as_secs_f64())?;
    figures.add("storm.cold.bytes_per_waiter", storm::bytes_per_waiter())?;

    let failing = runtime.block_on(storm::failing::<Ours>(CALLERS));
    figures.add("storm.fail.fetches", failing.fetches as f64)?;
    figures.add(
        "storm.fail.answered",
        (failing.served + failing.failed) as f64,
    )?;
    figures.add("storm.fail.millis", failing.took.as_secs_f64() * 1e3)?;

    impatience(
        figures,
        "storm.impatient",
        runtime.block_on(storm::impatient::<Ours>()),
    )
}

fn impatience(figures: &mut Figures, name: &str, came: Outcome) -> io::Result<()> {
    let share = came.served as f64 / (came.served + came.failed) as f64;
    figures.add(format!("{name}.fetches"), came.fetches as f64)?;
    figures.add(format!("{name}.success_share"), share)
}

/// Measures callers that give up, and calls with a revoked token.
pub(crate) fn aftermaths(figures: &mut Figures) -> io::Result<()> {
    for (name, storm) in [
        ("cancelled", storm::cancelled()?),
        ("revoked", storm::revoked()?),
    ] {
        figures.add(format!("storm.{name}.fetches"), storm.fetches as f64)?;
        figures.add(format!("storm.{name}.served"), storm.served as f64)?;
        figures.add(format!("storm.{name}.heap_kept_share"), storm.kept_share)?;
    }
    Ok(())
}

/// Measures 1,000 callers that keep retrying.
pub(crate) fn retries(figures: &mut Figures) -> io::Result<()> {
    let came = runtime()?.block_on(storm::retrying::<Ours>());
    figures.add("storm.retry.fetches", came.fetches as f64)?;
    figures.add("storm.retry.calls", (came.served + came.failed) as f64)
}

/// Measures the same storms over the hand-written cache.
pub(crate) fn by_hand(figures: &mut Figures) -> io::Result<()> {
    let runtime = runtime()?;
    let cold = runtime.block_on(storm::cold::<HandWritten>(CALLERS));
    figures.add("storm.hand_written.cold_fetches", cold.fetches as f64)?;
    figures.add(
        "storm.hand_written.cold_time_ratio",
        cold.took.div_duration_f64(FETCH),
    )?;
    let failing = runtime.block_on(storm::failing::<HandWritten>(CALLERS_IN_SERIES));
    figures.add("storm.hand_written.fail_callers", CALLERS_IN_SERIES as f64)?;
    figures.add("storm.hand_written.fail_fetches", failing.fetches as f64)?;
    figures.add(
        "storm.hand_written.fail_millis",
        failing.took.as_secs_f64() * 1e3,
    )?;
    let came = runtime.block_on(storm::impatient::<HandWritten>());
    impatience(figures, "storm.hand_written.impatient", came)
}

/// Measures whole calls over loopback.
pub(crate) fn end_to_end(figures: &mut Figures) -> io::Result<()> {
    for client in &CLIENTS {
        for threads in [1, 2] {
            let costs = end_to_end::measure(client, threads, 15).map_err(io::Error::other)?;
            for cost in costs {
                let name = format!("end_to_end.{}_threads_{threads}.{}", client.name, cost.name);
                figures.add(format!("{name}_ratio"), cost.ratio)?;
                figures.add(name, cost.value)?;
            }
        }
    }
    Ok(())
}

pub(crate) fn rotation(figures: &mut Figures, rounds: usize) -> io::Result<()> {
    figures.add("rotation.p999_ratio", rotation::p999_ratio(rounds)?)
}

/// Measures the percentiles of one run without renewals and one with; returns the latter.
pub(crate) fn latencies(figures: &mut Figures) -> io::Result<Latencies> {
    let (still, renewing) = (rotation::measure(false)?, rotation::measure(true)?);
    figures.add("rotation.renewals", renewing.renewals as f64)?;
    for (name, share) in [
        ("p50", 0.5),
        ("p99", 0.99),
        ("p999", 0.999),
        ("p9999", 0.9999),
    ] {
        for (kind, latencies) in [("still", &still), ("renewing", &renewing)] {
            let nanos = quantile(latencies.nanos.clone(), share);
            figures.add(format!("rotation.{name}.{kind}_nanos"), nanos)?;
        }
    }
    Ok(renewing)
}

/// Measures a hit among one, a thousand and so many accounts, on one thread and on two.
pub(crate) fn hits(figures: &mut Figures, most: u64) -> io::Result<()> {
    let runtime = runtime()?;
    let _inside = runtime.enter();
    for accounts in [1, 1_000, most] {
        let ways = accounts::ways(accounts);
        let calls = |number| accounts::calls(accounts, number);
        let runners = ways.iter().map(|(_, factory)| factory()).collect();
        let nanos = time::runners_over_the_first(runners, &calls, ROUNDS);
        for ((name, factory), nanos) in ways.iter().zip(nanos).skip(1) {
            figures.add(format!("hit.{name}.{accounts}_nanos"), nanos)?;
            if *name == "per_account" && accounts == most {
                figures.add(format!("accounts.{}k.hit_nanos", most / 1_000), nanos)?;
            }
            match scaling::of_factory(factory, &calls, ROUNDS) {
                Some(scaling) => figures.add(format!("hit.{name}.{accounts}_scaling"), scaling)?,
                None => eprintln!("{name}: the machine never ran two threads at once"),
            }
        }
    }
    Ok(())
}

/// Measures the heap of an idle account with a token.
pub(crate) fn heap(figures: &mut Figures, accounts: u64) -> io::Result<()> {
    for (token_length, renewals) in [(36, 0), (36, 3), (800, 0)] {
        let bytes = accounts::bytes_per_account(accounts, token_length, renewals);
        let name = format!("accounts.heap.token_{token_length}.renewals_{renewals}.bytes");
        figures.add(name, bytes)?;
        if (token_length, renewals) == (36, 0) {
            figures.add(format!("accounts.{}k.bytes", accounts / 1_000), bytes)?;
        }
    }
    Ok(())
}

/// Measures the load of renewals, with a server that rotates tokens and with one that reuses them.
pub(crate) fn loads(figures: &mut Figures, accounts: u64) -> io::Result<[(&'static str, Load); 2]> {
    let mut load = |name, issuing| -> io::Result<_> {
        let load = accounts::load(accounts, issuing)?;
        for (figure, value) in [
            ("requests_per_renewal", load.requests_per_renewal),
            ("requests_per_lifetime", load.requests_per_lifetime),
            ("peak_ratio", load.peak),
            ("in_flight", load.in_flight as f64),
            ("tasks", load.tasks as f64),
            ("waited_share", load.waited),
        ] {
            figures.add(format!("accounts.{name}.{figure}"), value)?;
        }
        Ok((name, load))
    };
    Ok([
        load("rotating", Issuing::Rotating)?,
        load("reusing", Issuing::Reusing)?,
    ])
}
