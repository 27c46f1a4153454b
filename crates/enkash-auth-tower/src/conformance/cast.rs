use std::time::Duration;

use enkash_auth_core::{
    AnswerBody, Client, Credentials, Environment, ErrorKind, Grant, RefreshPolicy, TokenAnswer,
    User,
    strikes::{Bid, Holder, Settlement},
};

use super::{Stage, Violation};
use crate::{Begin, BoxError, Edition, Leave, Principal, Standing, Tally};

/// How long the lease of a bid here lasts.
pub(super) const LEASE: Duration = Duration::from_millis(4_100);

pub(super) const REJECTED: Settlement = Settlement::Rejected(ErrorKind::Rejected);

/// An account that nobody else has, at a store.
pub(super) struct Cast<'a> {
    pub(super) stage: &'a dyn Stage,
    user: String,
    pub(super) who: Principal,
}

impl<'a> Cast<'a> {
    pub(super) fn new(stage: &'a dyn Stage) -> Result<Self, Violation> {
        let user = format!("conformance-{:032x}", fastrand::u128(..));
        Ok(Self {
            who: principal(&user, "password")?,
            stage,
            user,
        })
    }

    /// The same account with another password.
    pub(super) fn with(&self, password: &str) -> Result<Self, Violation> {
        Ok(Self {
            who: principal(&self.user, password)?,
            stage: self.stage,
            user: self.user.clone(),
        })
    }

    pub(super) async fn begin(&self, cache: u64) -> Result<Begin, Violation> {
        self.begin_knowing(cache, None).await
    }

    pub(super) async fn begin_knowing(
        &self,
        cache: u64,
        known: Option<Edition>,
    ) -> Result<Begin, Violation> {
        let (store, now) = (self.stage.store(), self.stage.now());
        Ok(store.begin(&self.who, bid(cache), known, now).await?)
    }

    pub(super) async fn granted(&self, cache: u64, rule: &'static str) -> Result<Leave, Violation> {
        match self.begin(cache).await? {
            Begin::Granted(leave) => Ok(leave),
            _ => Err(Violation::of(rule)),
        }
    }

    pub(super) async fn finish(
        &self,
        leave: &Leave,
        settlement: Settlement,
        grant: Option<&Grant>,
    ) -> Result<Standing, Violation> {
        let (store, now) = (self.stage.store(), self.stage.now());
        let finish = store.finish(&self.who, leave, settlement, grant, now);
        Ok(finish.await?)
    }

    pub(super) async fn load(&self) -> Result<Standing, Violation> {
        let standing = self.stage.store().load(&self.who, self.stage.now());
        Ok(standing.await?)
    }

    pub(super) async fn tally(&self) -> Result<(usize, usize), Violation> {
        let Tally { definite, possible } = self.load().await?.strikes;
        Ok((definite, possible))
    }

    pub(super) async fn reset(&self) -> Result<(), Violation> {
        let reset = self.stage.store();
        let reset = reset.reset(self.who.account(), self.stage.now());
        Ok(reset.await?)
    }

    /// A token of 300 s, asked for now.
    pub(super) fn grant(&self, token: &str) -> Result<Grant, Violation> {
        let body = format!(r#"{{"access_token":"{token}","expires_in":300}}"#);
        let answer = TokenAnswer::new(
            http::StatusCode::OK,
            http::HeaderMap::new(),
            AnswerBody::Complete(body.into()),
        );
        let read = answer.read(self.stage.now(), self.who.credentials());
        read.map_err(|error| BoxError::from(error).into())
    }
}

/// Leave for `cache`, as soon as what was given up is over.
pub(super) async fn soon(cast: &Cast<'_>, cache: u64) -> Result<Leave, Violation> {
    for _ in 0..50 {
        if let Begin::Granted(leave) = cast.begin(cache).await? {
            return Ok(leave);
        }
        cast.stage.pass(Duration::from_millis(100)).await?;
    }
    Err(Violation::of(
        "an attempt that was given up lets the next through, at the end of its lease at the latest",
    ))
}

pub(super) fn bid(cache: u64) -> Bid {
    let mut policy = RefreshPolicy::default();
    policy.fetch_timeout = Duration::from_millis(100);
    Bid::new(Holder::new(cache, 1), &policy)
}

fn principal(user: &str, password: &str) -> Result<Principal, Violation> {
    let credentials = Credentials::password(
        Client::new("client", "client-secret"),
        User::new(user, password),
    );
    let base = Environment::Test.base_url(&credentials);
    let base = base.map_err(BoxError::from)?;
    Ok(Principal::new(&base, credentials))
}
