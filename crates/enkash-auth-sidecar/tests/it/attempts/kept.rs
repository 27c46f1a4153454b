use std::{fs, time::Duration};

use redis::{AsyncTypedCommands as _, aio::MultiplexedConnection};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{host::state, redis_server::RedisServer};

/// The prefix of a record. Its first line ends with the number of its format.
const BEGINNING: &[u8] = b"enkash-auth ";

/// How long a store may take to change, and to settle: every process polls it every 5 s.
const LIMIT: Duration = Duration::from_secs(120);
const STABLE: Duration = Duration::from_secs(13);

/// The store of the record, which tests read and damage from outside.
pub(super) enum Kept {
    Directory(TempDir),
    Redis(RedisServer),
}

impl Kept {
    pub(super) fn directory() -> Self {
        Self::Directory(state())
    }

    pub(super) async fn redis() -> Self {
        Self::Redis(RedisServer::start().await.unwrap())
    }

    pub(super) fn server(&mut self) -> &mut RedisServer {
        match self {
            Self::Directory(_) => panic!("no server"),
            Self::Redis(server) => server,
        }
    }

    pub(super) async fn both() -> [Self; 2] {
        [Self::directory(), Self::redis().await]
    }

    /// Returns the value of `ENKASH_TOKEN_STORE`.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Directory(directory) => format!("file:{}", directory.path().join("s").display()),
            Self::Redis(server) => server.url(),
        }
    }

    /// Deletes everything.
    pub(super) async fn clear(&self) {
        match self {
            Self::Directory(directory) => {
                // Fails while another file is written.
                while directory.path().join("s").exists() {
                    let _ = fs::remove_dir_all(directory.path().join("s"));
                }
            }
            Self::Redis(server) => connect(server).await.flushall().await.unwrap(),
        }
    }

    /// Returns the records, each with its name.
    pub(super) async fn records(&self) -> Vec<(String, Vec<u8>)> {
        let mut records: Vec<_> = match self {
            Self::Directory(directory) => fs::read_dir(directory.path().join("s"))
                .into_iter()
                .flatten()
                .filter_map(|entry| {
                    let path = entry.ok()?.path();
                    Some((path.display().to_string(), fs::read(path).ok()?))
                })
                .collect(),
            Self::Redis(server) => {
                let mut connection = connect(server).await;
                let mut records = Vec::new();
                for key in connection.keys("*").await.unwrap() {
                    let value: Option<Vec<u8>> = redis::cmd("GET")
                        .arg(&key)
                        .query_async(&mut connection)
                        .await
                        .unwrap();
                    records.extend(value.map(|value| (key, value)));
                }
                records
            }
        };
        records.retain(|(_, bytes)| bytes.starts_with(BEGINNING));
        records.sort();
        records
    }

    /// Replaces the record by the output of `change`.
    pub(super) async fn rewrite(&self, change: fn(&[u8]) -> Vec<u8>) {
        let records = self.records().await;
        let [(name, bytes)] = &records[..] else {
            panic!("not one record: {records:?}");
        };
        let bytes = change(bytes);
        match self {
            Self::Directory(_) => fs::write(name, bytes).unwrap(),
            Self::Redis(server) => connect(server).await.set(name, bytes).await.unwrap(),
        }
    }

    /// Waits until there is a record again and every live process has written what it had to add. If
    /// none does, the server's count shows it.
    pub(super) async fn until_all_have_looked(&self) {
        let start = Instant::now();
        let (mut last, mut since) = (self.records().await, Instant::now());
        while start.elapsed() < LIMIT && (last.is_empty() || since.elapsed() < STABLE) {
            sleep(Duration::from_millis(500)).await;
            let now = self.records().await;
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }
}

/// Returns the record with the next format number.
pub(super) fn newer(record: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(record).into_owned();
    let (first, rest) = text.split_once('\n').unwrap();
    let (name, number) = first.rsplit_once(' ').unwrap();
    let number: u32 = number.parse().unwrap();
    format!("{name} {}\n{rest}", number + 1).into_bytes()
}

/// Returns whether `piece`, sent to a store, writes a record.
pub(super) fn writes_a_record(piece: &[u8]) -> bool {
    let has = |text: &[u8]| piece.windows(text.len()).any(|part| part == text);
    has(b"enkash-auth ledger ") || has(b"enkash-auth record ")
}

pub(super) async fn connect(server: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
