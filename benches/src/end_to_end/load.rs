use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use enkash_auth_tower::BoxError;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::Instant,
};
use tower::{Service, ServiceExt};

use super::client::{Client, Sender};
use crate::time::{median, quantile, seconds};

/// Callers that each call again once they have the response.
const CALLERS: usize = 16;

/// The number of calls timed together.
const CALLS: usize = 4_000;

/// The name of the threads whose processor time counts.
const THREADS: &str = "client";

/// What a call costs: medians over the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The name in the report.
    pub name: &'static str,
    /// With our layer.
    pub value: f64,
    /// Over the same with a ready header, in the same round.
    pub ratio: f64,
}

/// Measures the throughput of `client` on so many threads, the 99th percentile of a call's time, and the
/// processor time of a call, on the client's side.
///
/// # Errors
///
/// If a call fails, or the system is not Linux.
pub fn measure(client: &Client, threads: usize, rounds: usize) -> Result<[Cost; 3], BoxError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(THREADS)
        .enable_all()
        .build()?;
    let senders = client.senders()?;
    let mut measured: [Vec<[f64; 3]>; 2] = Default::default();
    // The first round is not measured.
    for round in 0..=rounds {
        for (sender, measured) in senders.iter().zip(&mut measured) {
            let figures = batch(&runtime, sender)?;
            if round > 0 {
                measured.push(figures);
            }
        }
    }
    let [ready, layer] = &measured;
    let cost = |name, of: fn(&[f64; 3]) -> f64| {
        let ratios = layer.iter().zip(ready);
        Cost {
            name,
            value: median(layer.iter().map(of).collect()),
            ratio: median(ratios.map(|(layer, ready)| of(layer) / of(ready)).collect()),
        }
    };
    Ok([
        cost("calls_per_second", |it| it[0]),
        cost("p99_micros", |it| it[1]),
        cost("cpu_micros", |it| it[2]),
    ])
}

/// Makes calls; returns those per second, and the 99th percentile and the processor time of one, in microseconds.
fn batch(runtime: &Runtime, sender: &Sender) -> Result<[f64; 3], BoxError> {
    let begun = Arc::new(AtomicUsize::new(0));
    let (before, mut spans) = (processor_nanos()?, Ok(Vec::new()));
    let took = seconds(|| {
        spans = runtime.block_on(async {
            let mut callers = JoinSet::new();
            for _ in 0..CALLERS {
                callers.spawn(caller(sender.clone(), Arc::clone(&begun)));
            }
            callers.join_all().await.into_iter().collect()
        });
    });
    let spent = processor_nanos()? - before;
    let spans: Vec<Vec<f64>> = spans?;
    let calls = CALLS as f64;
    Ok([
        calls / took,
        quantile(spans.concat(), 0.99) * 1e6,
        spent / calls / 1e3,
    ])
}

/// Returns how long each of its calls took, in seconds.
async fn caller(mut sender: Sender, begun: Arc<AtomicUsize>) -> Result<Vec<f64>, BoxError> {
    let mut spans = Vec::new();
    while begun.fetch_add(1, Ordering::Relaxed) < CALLS {
        let start = Instant::now();
        sender.ready().await?.call(()).await?;
        spans.push(start.elapsed().as_secs_f64());
    }
    Ok(spans)
}

/// Returns the processor time of the client's threads so far.
fn processor_nanos() -> io::Result<f64> {
    let mut nanos = 0.0;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.trim() == THREADS {
            let stat = fs::read_to_string(task.join("schedstat"))?;
            let spent = stat.split_whitespace().next().map(str::parse::<f64>);
            nanos += spent.unwrap_or(Ok(0.0)).map_err(io::Error::other)?;
        }
    }
    Ok(nanos)
}
