//! Runs every fault of the sandbox, over sockets, against a cache in each state, and compares the result
//! of the call and the number of token requests with the table in `docs/faults.md`.
//!
//! ```sh
//! WRITE_DOCS=1 cargo test -p enkash-auth-tower --test faults -- --ignored    # rewrites the page
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scene;
mod table;

use std::time::Duration;

use enkash_auth_sandbox::Fault;
use http::StatusCode;
use tokio::task::JoinSet;

use self::scene::{Met, Scene, State};

/// Returns each fault with its name in the table.
fn faults() -> Vec<(&'static str, Fault)> {
    let page = |status| Fault::Page { status };
    vec![
        (
            "response delayed by 200 ms",
            Fault::Delay {
                by: Duration::from_millis(200),
            },
        ),
        (
            "closed before the request was read",
            Fault::CloseBeforeReading,
        ),
        (
            "closed after the request was read",
            Fault::CloseAfterReading,
        ),
        ("half of the response", Fault::HalfResponse),
        ("no response", Fault::Hang),
        ("403, a page of HTML", page(StatusCode::FORBIDDEN)),
        ("503, a page of HTML", page(StatusCode::SERVICE_UNAVAILABLE)),
        ("200, a page of HTML", page(StatusCode::OK)),
        ("500", Fault::ServerError),
        ("403 in JSON", Fault::Forbidden),
        ("429", Fault::TooManyRequests { retry_after: None }),
        (
            "429, come back in 60 s",
            Fault::TooManyRequests {
                retry_after: Some(Duration::from_secs(60)),
            },
        ),
        ("200, bytes at random", Fault::Garbage),
        ("200, empty", Fault::Empty),
        ("200, 32 MiB", Fault::Huge),
        ("307", Fault::Redirect { to: None }),
        ("200, JSON of another kind", Fault::OtherJson),
    ]
}

#[tokio::test]
#[ignore = "over sockets, some seconds"]
async fn fault_outcomes_match_docs_table() {
    let mut cells = JoinSet::new();
    for (row, (_, fault)) in faults().into_iter().enumerate() {
        for (column, state) in State::ALL.into_iter().enumerate() {
            let fault = fault.clone();
            cells.spawn(async move { ((row, column), Scene::meet(state, fault).await) });
        }
    }
    let mut cells = cells.join_all().await;
    cells.sort_by_key(|(at, _)| *at);
    let met: Vec<Met> = cells.into_iter().map(|(_, met)| met).collect();
    let rows = faults().into_iter().map(|(name, _)| name);
    let rows: Vec<_> = rows.zip(met.chunks(State::ALL.len())).collect();
    for (name, met) in &rows {
        for met in *met {
            assert!(met.is_bearable(), "{name}: {met}");
        }
    }
    table::check(&rows);
}
