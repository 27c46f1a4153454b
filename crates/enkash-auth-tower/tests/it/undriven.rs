//! Runtimes, and a token service that hangs on them.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{TokenCache, TokenEndpoint, TokenRequestBody};
use tokio::runtime::{Builder, Runtime};

use crate::support::{credentials, environment, grant, user};

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Returns a runtime whose clock is paused.
pub(crate) fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

/// Returns a cache whose first token request never ends, and the number of services that were created.
pub(crate) fn stuck_at_first(clock: &ManualClock) -> (TokenCache, Arc<AtomicU32>) {
    let made = Arc::new(AtomicU32::new(0));
    let asked = Arc::new(AtomicU32::new(0));
    let make = {
        let made = Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            let asked = Arc::clone(&asked);
            tower::service_fn(move |_: http::Request<TokenRequestBody>| {
                let nth = asked.fetch_add(1, Ordering::Relaxed);
                async move {
                    if nth == 0 {
                        pending::<()>().await;
                    }
                    Ok::<_, Infallible>(grant("one", 300))
                }
            })
        }
    };
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_service_factory(environment(), credentials, make).unwrap();
    let tokens = TokenCache::builder(endpoint).clock(clock.clone()).build();
    (tokens, made)
}
