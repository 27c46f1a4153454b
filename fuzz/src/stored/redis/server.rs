use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use enkash_auth_tower::core::Moment;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A server that knows the two scripts of the store, by the number of their keys, and nothing else.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    nanos: u64,
    values: HashMap<Vec<u8>, Vec<u8>>,
}

impl Server {
    /// On the runtime of the caller, and for as long as that is driven.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Holds `values` and nothing else, at `now`.
    pub(super) fn hold(&self, now: Moment, values: impl Iterator<Item = (String, Vec<u8>)>) {
        let mut state = lock(&self.state);
        state.nanos = now.unix_nanos();
        state.values = values
            .map(|(key, value)| (key.into_bytes(), value))
            .collect();
    }

    pub(super) fn value(&self, key: &str) -> Option<Vec<u8>> {
        lock(&self.state).values.get(key.as_bytes()).cloned()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut words = Vec::new();
        for _ in 0..number(&mut stream).await? {
            let mut word = vec![0; number(&mut stream).await? + 2];
            stream.read_exact(&mut word).await?;
            word.truncate(word.len() - 2);
            words.push(word);
        }
        let answer = lock(&state).answer(&words);
        stream.write_all(&answer).await?;
    }
}

/// The number in a line, behind its first character.
async fn number(stream: &mut BufReader<TcpStream>) -> io::Result<usize> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let number = line.get(1..).and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

impl State {
    /// As the scripts beside the store have it.
    fn answer(&mut self, words: &[Vec<u8>]) -> Vec<u8> {
        match words {
            [name, _, keys, key] if name == b"EVALSHA" && keys == b"1" => {
                let micros = self.nanos / 1_000;
                let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
                let look = self.look(key);
                let mut answer = b"*3\r\n".to_vec();
                for word in [seconds.to_string().into(), micros.to_string().into(), look] {
                    answer.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                    answer.extend_from_slice(&word);
                    answer.extend_from_slice(b"\r\n");
                }
                answer
            }
            [
                name,
                _,
                _,
                record,
                token,
                bad,
                seen_record,
                seen_token,
                text,
                keep,
                sealed,
                _,
            ] if name == b"EVALSHA" => {
                if self.look(record) != *seen_record || self.look(token) != *seen_token {
                    return b":0\r\n".to_vec();
                }
                if keep == b"1" {
                    let kept = self.values.remove(record).unwrap_or_default();
                    self.values.insert(bad.clone(), kept);
                }
                self.values.insert(record.clone(), text.clone());
                if !sealed.is_empty() {
                    self.values.insert(token.clone(), sealed.clone());
                }
                b":1\r\n".to_vec()
            }
            _ => b"+OK\r\n".to_vec(),
        }
    }

    fn look(&self, key: &[u8]) -> Vec<u8> {
        match self.values.get(key) {
            None => b"-".to_vec(),
            Some(value) if value.len() > 65_536 => b"?".to_vec(),
            Some(value) => [b"+".as_slice(), value].concat(),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
