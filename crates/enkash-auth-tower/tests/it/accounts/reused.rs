//! A token server that returns the tokens of many accounts until they expire, or has stopped to.

use std::{future::ready, time::Duration};

use enkash_auth_core::{Client, Credentials, User};
use enkash_auth_sandbox::{Accounts as Known, Issuer, Issuing, Rules, SandboxService};
use enkash_auth_tower::{Accounts, TokenServer, internal};
use tokio::time::sleep;

use crate::support::{TokioClock, environment};

const ACCOUNTS: u64 = 100;

const LIFETIME: u64 = 300;

fn credentials(id: u64) -> Credentials {
    Credentials::password(
        Client::new("client", "secret"),
        User::new(format!("user-{id}"), "password"),
    )
}

fn world(issuing: Issuing) -> (Issuer, Accounts<u64>) {
    let known = (0..ACCOUNTS).fold(Known::none().client("client", "secret"), |known, id| {
        known.user(format!("user-{id}"), "password".to_owned())
    });
    let rules = Rules::new()
        .lifetime(Duration::from_secs(LIFETIME))
        .issuing(issuing)
        .delay(Duration::from_millis(20));
    let issuer = Issuer::builder().accounts(known).rules(rules).build();
    let service = SandboxService::new(issuer.clone());
    let server = TokenServer::with_service(environment(), service).unwrap();
    let accounts = Accounts::builder(server, |id| ready(Ok(credentials(id))))
        .clock(TokioClock::new())
        .process(internal::Process::new())
        .build();
    (issuer, accounts)
}

/// Uses each account every 30 s for so many lifetimes, from its turn in the first on. Returns the token requests, and
/// how many calls waited.
async fn used(accounts: &Accounts<u64>, issuer: &Issuer, lifetimes: u64) -> (u64, u64, u64) {
    let before = issuer.counters();
    let mut waited = 0;
    for second in 0..lifetimes * LIFETIME {
        for id in (second % 30..ACCOUNTS).step_by(30) {
            let is_cached = accounts.contains(&id);
            if is_cached || second % LIFETIME >= id * LIFETIME / ACCOUNTS {
                let tokens = accounts.get(&id).unwrap();
                waited += u64::from(is_cached && tokens.peek().is_none());
                drop(tokio::spawn(async move { tokens.token().await.unwrap() }));
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
    let after = issuer.counters();
    let requests = after.token_requests - before.token_requests;
    (requests, after.minted - before.minted, waited)
}

#[tokio::test(start_paused = true)]
async fn reused_tokens_cost_few_requests_per_renewal() {
    let (issuer, accounts) = world(Issuing::Reusing);
    used(&accounts, &issuer, 3).await;
    let (requests, renewals, _) = used(&accounts, &issuer, 5).await;
    assert!(renewals >= 4 * ACCOUNTS, "{renewals}");
    let per_renewal = requests as f64 / renewals as f64;
    assert!(per_renewal <= 1.2, "{per_renewal}");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_refreshed_early_once_they_are_not_reused() {
    let (issuer, accounts) = world(Issuing::Reusing);
    used(&accounts, &issuer, 3).await;
    issuer.change_rules(|rules| rules.issuing(Issuing::Rotating));
    used(&accounts, &issuer, 2).await;
    let (_, renewals, waited) = used(&accounts, &issuer, 3).await;
    assert!(renewals >= 3 * ACCOUNTS, "{renewals}");
    assert_eq!(waited, 0);
}

/// As from a load balancer, or after a lost response.
#[tokio::test(start_paused = true)]
async fn one_repeated_token_does_not_end_early_renewal() {
    let (issuer, accounts) = world(Issuing::Rotating);
    used(&accounts, &issuer, 1).await;
    issuer.change_rules(|rules| rules.issuing(Issuing::Reusing));
    let before = issuer.counters();
    while issuer.counters().token_requests == before.token_requests {
        sleep(Duration::from_millis(10)).await;
    }
    issuer.change_rules(|rules| rules.issuing(Issuing::Rotating));
    used(&accounts, &issuer, 2).await;
    let (_, renewals, waited) = used(&accounts, &issuer, 3).await;
    assert!(renewals >= 3 * ACCOUNTS, "{renewals}");
    assert_eq!(waited, 0);
}
