use enkash_auth_benches::storm::{self, CALLERS, Cache, HandWritten, Ours};

use crate::{aws::Aws, google::Google, huskarl::Huskarl, moka::Moka, print};

/// The same storms for each. Middle is built with a token, and is never cold.
pub(crate) async fn run() {
    one::<Ours>().await;
    one::<HandWritten>().await;
    one::<Aws>().await;
    one::<Google>().await;
    one::<Huskarl>().await;
    one::<Moka>().await;
}

async fn one<C: Cache>() {
    let cold = storm::cold::<C>(CALLERS).await;
    print(C::NAME, "cold_fetches", cold.fetches as f64);
    print(C::NAME, "cold_millis", cold.took.as_secs_f64() * 1e3);
    let failing = storm::failing::<C>(CALLERS).await;
    print(C::NAME, "fail_fetches", failing.fetches as f64);
    print(C::NAME, "fail_millis", failing.took.as_secs_f64() * 1e3);
    print(
        C::NAME,
        "fail_answered",
        (failing.served + failing.failed) as f64,
    );
    let retrying = storm::retrying::<C>().await;
    print(C::NAME, "retry_fetches", retrying.fetches as f64);
    let impatient = storm::impatient::<C>().await;
    let calls = impatient.served + impatient.failed;
    print(C::NAME, "impatient_fetches", impatient.fetches as f64);
    print(
        C::NAME,
        "impatient_success_share",
        impatient.served as f64 / calls as f64,
    );
}
