//! Where a secret could leak: one log and one metrics recorder for the process, and the records of
//! each test.

use std::{
    error::Error,
    fmt::Debug,
    io::{self, Write},
    sync::{Mutex, OnceLock},
};

use metrics_util::debugging::{DebuggingRecorder, Snapshotter};
use tracing_subscriber::{filter::LevelFilter, fmt::format::FmtSpan};

use crate::markers::{Search, mint};

/// The panic message of a failed test.
const FOUND: &str = "a secret came to light";

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The secrets of one test, and the recorded output, which must not contain them.
pub(crate) struct Canary {
    secrets: Mutex<Vec<(String, String)>>,
    notes: Mutex<Vec<(&'static str, Vec<u8>)>>,
    metrics: &'static Snapshotter,
}

impl Canary {
    pub(crate) fn new() -> Self {
        Self {
            secrets: Mutex::default(),
            notes: Mutex::default(),
            metrics: install(),
        }
    }

    /// Returns a new secret of printable ASCII.
    pub(crate) fn secret(&self, name: &str) -> String {
        self.keep(name, mint("-+/=."))
    }

    /// Returns a new secret with characters that every encoding escapes.
    pub(crate) fn password(&self, name: &str) -> String {
        self.keep(name, mint(" %&+=\\\"é"))
    }

    fn keep(&self, name: &str, secret: String) -> String {
        let kept = (name.to_owned(), secret.clone());
        self.secrets.lock().unwrap().push(kept);
        secret
    }

    /// Returns all secrets so far, as a server may echo them.
    pub(crate) fn all(&self) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        secrets.iter().map(|(_, secret)| secret.clone()).collect()
    }

    pub(crate) fn note(&self, sink: &'static str, text: impl Into<Vec<u8>>) {
        let text = text.into();
        self.notes.lock().unwrap().push((sink, text));
    }

    pub(crate) fn debug(&self, value: impl Debug) {
        self.note("Debug", format!("{value:?} {value:#?}"));
    }

    /// Records an error with all its sources; returns its text.
    pub(crate) fn error(&self, error: &(dyn Error + 'static)) -> String {
        let chain = std::iter::successors(Some(error), |&error| error.source());
        let text: Vec<String> = chain.map(|it| format!("{it} {it:?} {it:#?}")).collect();
        let text = text.join("; ");
        self.note("error", text.clone());
        text
    }

    /// Adds the secrets and records of `other`.
    pub(crate) fn absorb(&self, other: &Self) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.append(&mut other.secrets.lock().unwrap());
        let mut notes = self.notes.lock().unwrap();
        notes.append(&mut other.notes.lock().unwrap());
    }

    /// Asserts that no sink contains a secret, and that none of `sinks` is empty.
    pub(crate) fn assert_silent(&self, sinks: &[&str]) {
        let secrets = self.secrets.lock().unwrap();
        assert!(!secrets.is_empty(), "it looks for nothing");
        let search = Search::new(secrets.iter().map(|(name, it)| (&**name, &**it)));
        let mut notes = self.notes.lock().unwrap();
        notes.push(("log", LOG.lock().unwrap().clone()));
        let metrics = format!("{:?}", self.metrics.snapshot().into_vec());
        notes.push(("metrics", metrics.into()));
        for sink in sinks {
            let mut of = notes.iter().filter(|(name, _)| name == sink);
            assert!(of.any(|(_, text)| text.len() > 2), "nothing in {sink}");
        }
        let found: Vec<String> = notes
            .iter()
            .flat_map(|(sink, text)| {
                let found = search.find(text).into_iter();
                found.map(move |it| format!("{sink}: {it}"))
            })
            .collect();
        assert!(
            found.is_empty(),
            "{FOUND}, {} times:\n{}",
            found.len(),
            found.join("\n")
        );
    }
}

/// Returns the log of the whole process so far.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

fn install() -> &'static Snapshotter {
    static METRICS: OnceLock<Snapshotter> = OnceLock::new();
    METRICS.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
        log::set_logger(&Writer).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        std::panic::set_hook(Box::new(|info| {
            let text = info.to_string();
            // The failure of one test must not fail the others.
            if !text.contains(FOUND) {
                let _ = writeln!(Writer, "panic: {text}");
            }
            if !text.contains("planned: ") {
                let _ = writeln!(io::stderr(), "{info}");
            }
        }));
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().unwrap();
        enkash_auth_tower::describe_metrics();
        snapshotter
    })
}

struct Writer;

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Writer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(Self, "{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}
