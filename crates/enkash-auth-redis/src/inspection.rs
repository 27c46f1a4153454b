use std::{fmt, time::Duration};

/// Holds what a server said about itself, and how far away it is. `Display` says it in words, on one line.
///
/// # Examples
///
/// ```no_run
/// # async fn check(store: enkash_auth_redis::RedisStore) -> Result<(), enkash_auth_tower::BoxError> {
/// let server = store.inspect().await?;
/// println!("{server}");
/// for error in server.errors() {
///     println!("error: {error}");
/// }
/// for warning in server.warnings() {
///     println!("warning: {warning}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What `INFO` returns, unless the user may not run it.
    pub(crate) info: Option<String>,
    /// The user that is logged in, unless it may not ask.
    pub(crate) user: Option<String>,
    pub(crate) round_trip: Duration,
    /// How long a call may take.
    pub(crate) timeout: Duration,
    /// The server's clock less ours, in milliseconds.
    pub(crate) ahead: i128,
    /// Why a write failed, if it did.
    pub(crate) unwritable: Option<String>,
}

impl Inspection {
    /// Returns what loses a record, or keeps it from being written.
    pub fn errors(&self) -> Vec<String> {
        let unwritable = self.unwritable.as_ref();
        let unwritable = unwritable.map(|why| format!("a record cannot be written: {why}"));
        // Other policies evict keys that expire, and a record does not.
        let policy = self.field("maxmemory_policy");
        let policy = policy.filter(|policy| policy.starts_with("allkeys"));
        let evicted = policy.map(|policy| {
            format!(
                "it evicts any key ({policy}), and an evicted record is a lost one: set maxmemory-policy noeviction"
            )
        });
        unwritable.into_iter().chain(evicted).collect()
    }

    /// Returns what may fail calls of the store, without a loss.
    pub fn warnings(&self) -> Vec<String> {
        let (timeout, needed) = (self.timeout, self.round_trip * 10);
        let warning = (self.round_trip * 3 > timeout).then(|| {
            format!(
                "a call may take {timeout:?}, and should be given ten round trips: {needed:.0?}"
            )
        });
        warning.into_iter().collect()
    }

    /// Returns a field of `INFO`.
    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.info.as_deref()?.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    fn product(&self) -> String {
        let (name, version) = match self.field("valkey_version") {
            Some(version) => ("Valkey", version),
            None => (
                "Redis",
                self.field("redis_version").unwrap_or("of no version"),
            ),
        };
        format!("{name} {version}")
    }

    fn role(&self) -> String {
        match self.field("role") {
            Some("master") => {
                let replicas = self.field("connected_slaves").unwrap_or_default();
                format!("a primary with {replicas} replicas")
            }
            Some("slave") => "a replica".to_owned(),
            role => format!("of role {}", role.unwrap_or("unknown")),
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.info {
            None => f.write_str("version, role, eviction and persistence unknown without INFO")?,
            Some(_) => {
                let cluster = match self.field("cluster_enabled") {
                    Some("1") => "in a cluster",
                    _ => "in no cluster",
                };
                let persistence = match self.field("aof_enabled") {
                    Some("1") => "append-only file",
                    _ => "no append-only file: a restart can lose the last writes",
                };
                let eviction = self.field("maxmemory_policy").unwrap_or("eviction unknown");
                let (product, role) = (self.product(), self.role());
                write!(f, "{product}, {role}, {cluster}; {eviction}; {persistence}")?;
            }
        }
        match self.user.as_deref() {
            None => f.write_str("; a user with few rights")?,
            Some("default") => f.write_str("; the default user: prefer one with few rights")?,
            Some(user) => write!(f, "; user {user}")?,
        }
        let side = if self.ahead < 0 { "behind" } else { "ahead" };
        let (round_trip, difference) = (self.round_trip, self.ahead.abs());
        write!(
            f,
            "; round trip {round_trip:.1?}; clock {difference} ms {side}"
        )
    }
}
