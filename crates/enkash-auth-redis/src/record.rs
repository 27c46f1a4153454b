use std::sync::LazyLock;

use enkash_auth_core::{
    AccountId, Moment,
    strikes::{Ledger, Unreadable},
};
use enkash_auth_tower::BoxError;
use redis::{Script, aio::MultiplexedConnection};

static READ: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("look.lua"), include_str!("read.lua"))));
static SWAP: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("look.lua"), include_str!("swap.lua"))));

/// What stood under a key, as the scripts say it.
#[derive(Clone)]
pub(crate) struct Seen(Vec<u8>);

/// What is to be written, if `ledger` and `token` are still what was seen.
pub(crate) struct Swap<'a> {
    pub(crate) keys: [&'a str; 3],
    pub(crate) ledger: &'a Seen,
    pub(crate) token: &'a Seen,
    pub(crate) record: &'a str,
    /// Keeps what was there of the record.
    pub(crate) keep: bool,
    /// A sealed token, and how long it lives, in milliseconds.
    pub(crate) granted: Option<(Vec<u8>, u64)>,
}

impl Seen {
    /// What stands under `key`, and the server's time in nanoseconds since the Unix epoch.
    pub(crate) async fn read(
        connection: &mut MultiplexedConnection,
        key: &str,
    ) -> redis::RedisResult<(Self, u64)> {
        let (seconds, micros, seen): (u64, u64, Vec<u8>) =
            READ.key(key).invoke_async(connection).await?;
        let micros = seconds.saturating_mul(1_000_000).saturating_add(micros);
        Ok((Self(seen), micros.saturating_mul(1_000)))
    }

    /// The value: none, one that cannot be read, or this.
    pub(crate) fn value(&self) -> Option<Result<&[u8], Unreadable>> {
        match self.0.split_first() {
            Some((b'-', _)) => None,
            Some((b'+', value)) => Some(Ok(value)),
            _ => Some(Err(Unreadable::Damaged)),
        }
    }

    /// The ledger of `account` in it.
    pub(crate) fn ledger(&self, account: AccountId) -> Option<Result<Ledger, Unreadable>> {
        self.value().map(|value| {
            let text = std::str::from_utf8(value?).map_err(|_| Unreadable::Damaged)?;
            Ledger::from_record(account, text)
        })
    }

    /// The ledger to go on with, and whether that is instead of one that cannot be read, which
    /// counts as one possible strike.
    pub(crate) fn ledger_or_new(
        &self,
        account: AccountId,
        now: Moment,
    ) -> Result<(Ledger, bool), BoxError> {
        let why = match self.ledger(account) {
            Some(Ok(ledger)) => return Ok((ledger, false)),
            Some(Err(why)) => Some(why),
            None => None,
        };
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        let Some(why) = why else {
            return Ok((Ledger::new(salt), false));
        };
        tracing::warn!(
            %account, %why,
            "the record of attempts cannot be read: it counts as one possible strike"
        );
        Ok((Ledger::unreadable(salt, now), true))
    }
}

impl Swap<'_> {
    /// Whether it was done: false where somebody came between.
    pub(crate) async fn write(
        &self,
        connection: &mut MultiplexedConnection,
    ) -> Result<bool, BoxError> {
        let mut call = SWAP.prepare_invoke();
        for key in self.keys {
            call.key(key);
        }
        let (token, life) = match &self.granted {
            Some((token, life)) => (token.as_slice(), *life),
            None => (&[][..], 0),
        };
        call.arg(&self.ledger.0)
            .arg(&self.token.0)
            .arg(self.record)
            .arg(u8::from(self.keep))
            .arg(token)
            .arg(life);
        let done: u8 = call.invoke_async(connection).await?;
        Ok(done == 1)
    }
}
