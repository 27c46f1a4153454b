use std::{pin::pin, time::Duration};

use bytes::Bytes;
use enkash_auth_examples::one_line;
use enkash_auth_tower::BoxError;
use http::{Request, Uri};
use http_body_util::Empty;
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, interval},
};
use tower::ServiceExt;

use crate::{api::Api, progress::Progress, stage::Stage};

/// The outcome of calls.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slowest: Duration,
    pub(crate) first_error: Option<String>,
}

struct Called {
    took: Duration,
    result: Result<(), BoxError>,
}

/// Makes `calls` concurrent calls.
pub(crate) async fn at_once(stage: &Stage, progress: &Progress, calls: u64) -> Tally {
    let mut running = JoinSet::new();
    for _ in 0..calls {
        running.spawn(call(stage.api.clone(), stage.uri.clone()));
    }
    let mut tally = Tally::default();
    tally.add_all(running, progress).await;
    tally
}

/// Starts a call every `pause`, without waiting for the last one, until `end`.
pub(crate) async fn steady(
    stage: &Stage,
    progress: &Progress,
    pause: Duration,
    end: impl Future<Output = ()>,
) -> Tally {
    let mut end = pin!(end);
    let mut next = interval(pause);
    let mut running = JoinSet::new();
    let mut tally = Tally::default();
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = next.tick() => {
                running.spawn(call(stage.api.clone(), stage.uri.clone()));
            }
            Some(called) = running.join_next() => tally.add(called, progress),
        }
    }
    tally.add_all(running, progress).await;
    tally
}

async fn call(api: Api, uri: Uri) -> Called {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = uri;
    let start = Instant::now();
    let result = match api.oneshot(request).await {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(response) => Err(response.status().to_string().into()),
        Err(error) => Err(error),
    };
    Called {
        took: start.elapsed(),
        result,
    }
}

impl Tally {
    async fn add_all(&mut self, mut running: JoinSet<Called>, progress: &Progress) {
        while let Some(called) = running.join_next().await {
            self.add(called, progress);
        }
    }

    fn add(&mut self, called: Result<Called, JoinError>, progress: &Progress) {
        let error = match called {
            Ok(Called { took, result }) => {
                self.slowest = self.slowest.max(took);
                result.err()
            }
            Err(error) => Some(error.into()),
        };
        self.calls += 1;
        if let Some(error) = error {
            self.failures += 1;
            self.first_error.get_or_insert_with(|| one_line(&*error));
        }
        progress.called();
    }
}
