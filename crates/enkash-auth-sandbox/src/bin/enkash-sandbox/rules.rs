//! How to grant and answer.

use std::time::Duration;

use clap::Args;
use enkash_auth_sandbox::{Issuing, Refresh, Rejections, Rounding, Rules, Shape, Stated};

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules (each can be changed while it runs)")]
pub(crate) struct RuleArgs {
    /// Lifetime of a token
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    lifetime: Duration,

    /// What a grant does while an earlier token is still valid
    #[arg(long, value_enum, default_value_t)]
    issuing: Issuing,

    /// What becomes of refresh tokens
    #[arg(long, value_enum, default_value_t)]
    refresh: Refresh,

    /// Lifetime of a refresh token
    #[arg(long, value_name = "SECONDS", default_value = "2592000", value_parser = seconds)]
    refresh_lifetime: Duration,

    /// Fields of a granted token
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,

    /// Wraps answers as {response_code, response_message, payload, errorResponse}
    #[arg(long)]
    envelope: bool,

    /// How the seconds left become a whole number
    #[arg(long, value_enum, default_value_t)]
    rounding: Rounding,

    /// What the lifetime field says: the truth, or a mistake
    #[arg(long, value_enum, default_value_t)]
    stated: Stated,

    /// resultCode of a success in shape A
    #[arg(long, value_name = "CODE", default_value_t = 200)]
    result_code: i64,

    /// How a refusal travels
    #[arg(long, value_enum, default_value_t)]
    rejections: Rejections,

    /// Refusals in a row that lock an account; 0 for never
    #[arg(long, value_name = "N", default_value_t = 3)]
    lock_after: u32,

    /// How long the answer to a token request takes
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    delay: Duration,

    /// Leaves the Date header out
    #[arg(long)]
    no_date: bool,

    /// How far ahead the server's clock is; behind, if negative
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    clock_offset: f64,
}

impl RuleArgs {
    pub(crate) fn rules(&self) -> Rules {
        Rules::new()
            .lifetime(self.lifetime)
            .issuing(self.issuing)
            .refresh(self.refresh)
            .refresh_lifetime(self.refresh_lifetime)
            .shape(self.shape)
            .envelope(self.envelope)
            .rounding(self.rounding)
            .stated(self.stated)
            .result_code(self.result_code)
            .rejections(self.rejections)
            .lock_after(self.lock_after)
            .delay(self.delay)
            .date_header(!self.no_date)
    }

    pub(crate) fn clock_offset_ms(&self) -> i64 {
        // A float too large for an integer becomes the largest; the clock has its own bounds.
        (self.clock_offset * 1000.0) as i64
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}
