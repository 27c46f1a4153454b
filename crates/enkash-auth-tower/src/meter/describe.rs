use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use super::recorded::{
    CLOCK_SKEW, FETCH_SECONDS, FETCHES, REPLAYS, SECONDS_LEFT, STORE_FAILURES, STRIKES,
    TOKEN_REQUESTS, WAITERS,
};

/// Tells the recorder of `metrics` what is measured, and in which units. To be called once, when the
/// recorder is installed; without it nothing is missing but help texts.
pub fn describe_metrics() {
    describe_counter!(FETCHES, Unit::Count, "fetches of a token that have ended");
    describe_counter!(TOKEN_REQUESTS, Unit::Count, "token requests that were made");
    describe_counter!(
        REPLAYS,
        Unit::Count,
        "calls whose token the API refused, and which were to be sent again"
    );
    describe_counter!(
        STORE_FAILURES,
        Unit::Count,
        "times at which a fetch could not use the store"
    );
    describe_histogram!(
        FETCH_SECONDS,
        Unit::Seconds,
        "how long a fetch took, pauses between its attempts included"
    );
    describe_gauge!(
        CLOCK_SKEW,
        Unit::Seconds,
        "how far the local wall clock is ahead of the token server's"
    );
    describe_gauge!(
        SECONDS_LEFT,
        Unit::Seconds,
        "how long the token at hand may still be attached"
    );
    describe_gauge!(
        STRIKES,
        Unit::Count,
        "attempts that count, or may count, against the account"
    );
    describe_gauge!(WAITERS, Unit::Count, "callers that wait for a token");
}
