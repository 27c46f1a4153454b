//! Many concurrent callers without a token, for each cache.

use enkash_auth_benches::storm::{self, CALLERS, Cache};

use crate::report::Report;

/// Reports the storms of this cache.
pub(crate) async fn report<C: Cache>(report: &mut Report) {
    let cold = storm::cold::<C>(CALLERS).await;
    report.line(C::NAME, "cold_fetches", cold.fetches);
    report.line(C::NAME, "cold_millis", cold.took.as_millis());

    let fail = storm::failing::<C>(CALLERS).await;
    report.line(C::NAME, "fail_fetches", fail.fetches);
    report.line(C::NAME, "fail_millis", fail.took.as_millis());
    report.line(C::NAME, "fail_answered", fail.served + fail.failed);

    let retry = storm::retrying::<C>().await;
    report.line(C::NAME, "retry_fetches", retry.fetches);

    let impatient = storm::impatient::<C>().await;
    let share = impatient.served as f64 / (impatient.served + impatient.failed) as f64;
    report.line(C::NAME, "impatient_fetches", impatient.fetches);
    report.line(
        C::NAME,
        "impatient_success_share",
        format_args!("{share:.3}"),
    );
}
