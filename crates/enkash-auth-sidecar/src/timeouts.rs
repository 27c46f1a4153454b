use std::time::Duration;

use clap::Args;
use enkash_auth_tower::internal::duration_or_never;

/// Stands for `never`.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

/// How long the other side may keep the sidecar waiting.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Timeouts, such as 1500ms or 2m 30s, or never")]
pub(crate) struct Timeouts {
    /// For the head of a request, from its first byte
    #[arg(long = "header-timeout", env = "ENKASH_HEADER_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = timeout)]
    pub(crate) header: Duration,

    /// For each piece of a request's body; a body of known length up to 64 KiB has 30s in all
    #[arg(long = "read-timeout", env = "ENKASH_READ_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = timeout)]
    pub(crate) read: Duration,

    /// For a caller to read more of a response
    #[arg(long = "write-timeout", env = "ENKASH_WRITE_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = timeout)]
    pub(crate) write: Duration,

    /// For the next request on a connection
    #[arg(long = "idle-timeout", env = "ENKASH_IDLE_TIMEOUT", value_name = "TIME", default_value = "75s", value_parser = timeout)]
    pub(crate) idle: Duration,

    /// For a connection to the upstream, with a proxy and TLS
    #[arg(long = "connect-timeout", env = "ENKASH_CONNECT_TIMEOUT", value_name = "TIME", default_value = "5s", value_parser = timeout)]
    pub(crate) connect: Duration,

    /// For an idle connection to the upstream to be used again: less than the upstream keeps it
    #[arg(long = "pool-idle-timeout", env = "ENKASH_POOL_IDLE_TIMEOUT", value_name = "TIME", default_value = "1500ms", value_parser = timeout)]
    pub(crate) pool_idle: Duration,

    /// For the upstream to respond, and for each piece of the response: never, for a quiet stream of events
    #[arg(long = "response-timeout", env = "ENKASH_RESPONSE_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = timeout)]
    pub(crate) response: Duration,

    /// For calls in flight after the stop signal; a second signal ends them at once
    #[arg(long = "drain-timeout", env = "ENKASH_DRAIN_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(crate) drain: Duration,

    /// How long to serve on after the stop signal, unready, while a load balancer takes note
    #[arg(long = "pre-stop-delay", env = "ENKASH_PRE_STOP_DELAY", value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(crate) pre_stop: Duration,
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let time =
        duration_or_never(text).ok_or("not a duration such as 1500ms or 2m 30s, or never")?;
    Ok(time.unwrap_or(NEVER).min(NEVER))
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    match duration(text)? {
        Duration::ZERO => Err("no time at all"),
        time => Ok(time),
    }
}
