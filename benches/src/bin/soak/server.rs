use std::{
    io::{self, Write},
    time::Duration,
};

use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Issuing, Rules, Sandbox};
use enkash_auth_tower::BoxError;
use fastrand::Rng;
use http::StatusCode;
use tokio::{
    io::{AsyncReadExt, stdin},
    time::sleep,
};

/// Its refresh window, at least 7.5 s, is long enough for two failed fetches and a third.
const LIFETIME: Duration = Duration::from_secs(40);

/// Runs the sandbox until the input ends, then prints the number of token requests.
pub(crate) async fn run(seed: u64) -> Result<(), BoxError> {
    let rules = Rules::new().lifetime(LIFETIME).issuing(Issuing::Rotating);
    let issuer = Issuer::builder().rules(rules).build();
    let sandbox = Sandbox::builder().issuer(issuer.clone()).start().await?;
    say(&sandbox.base_url())?;
    let mischief = tokio::spawn(go_wrong(issuer.clone(), Rng::with_seed(seed)));
    while stdin().read(&mut [0; 64]).await? > 0 {}
    mischief.abort();
    say(&issuer.counters().token_requests.to_string())?;
    sandbox.shutdown().await;
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Orders a fault, or two in a row, for every second fetch or so. Of those that leave an attempt unresolved it orders one,
/// and the next fault only after a token was granted: two in a row would close the account. About once a minute revokes
/// all tokens: a cache replaces two revoked tokens at once, and one more every 30 s.
async fn go_wrong(issuer: Issuer, mut rng: Rng) {
    let mut due = 0;
    for nth in 1_u64.. {
        sleep(Duration::from_millis(rng.u64(2_000..8_000))).await;
        let grants = issuer.counters().grants;
        if nth % 12 == 0 {
            // Without a pending fault: a call without token and server fails for good reason.
            issuer.cancel_orders();
            issuer.revoke_all();
        } else if issuer.orders().is_empty() && grants >= due {
            // A fault may hide a grant.
            due = grants + 2;
            let fault = fault(&mut rng);
            let most = if is_unresolved(&fault) { 1 } else { 2 };
            issuer.order(fault.at(Endpoint::Token).times(rng.u32(1..=most)));
        }
    }
}

/// Returns whether the server may have counted an attempt with this fault.
fn is_unresolved(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::CloseBeforeReading
            | Fault::CloseAfterReading
            | Fault::HalfResponse
            | Fault::Garbage
            | Fault::Empty
            | Fault::Huge
    )
}

fn fault(rng: &mut Rng) -> Fault {
    let statuses = [
        StatusCode::FORBIDDEN,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    match rng.u8(..11) {
        0 => Fault::Delay {
            by: Duration::from_millis(rng.u64(..1_500)),
        },
        1 => Fault::CloseBeforeReading,
        2 => Fault::CloseAfterReading,
        3 => Fault::HalfResponse,
        4 => Fault::Page {
            status: *rng.choice(&statuses).unwrap_or(&StatusCode::OK),
        },
        5 => Fault::ServerError,
        6 => Fault::TooManyRequests { retry_after: None },
        7 => Fault::Garbage,
        8 => Fault::Empty,
        9 => Fault::Huge,
        _ => Fault::Page {
            status: StatusCode::OK,
        },
    }
}
