use std::{
    cell::{Cell, RefCell},
    fmt,
    io::{self, Write},
    sync::Once,
};

use tracing_subscriber::{filter::dynamic_filter_fn, fmt::format::FmtSpan, prelude::*};

thread_local! {
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static IS_READ: Cell<bool> = const { Cell::new(false) };
}

/// The log of this thread, on which a paused test runs all of its tasks. The subscriber is global: one per
/// test would race with the others for the set of enabled callsites.
#[derive(Clone, Copy)]
pub(crate) struct Log;

impl Log {
    pub(crate) fn start() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            // Skip the lines of tests that do not read them.
            let is_read = dynamic_filter_fn(|_, _| IS_READ.get());
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(|| Self)
                .with_ansi(false)
                .with_span_events(FmtSpan::CLOSE)
                .with_filter(is_read);
            tracing_subscriber::registry().with(lines).init();
        });
        IS_READ.set(true);
        LOG.take();
        Self
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8(LOG.take()).unwrap()
    }

    pub(crate) fn note(mut self, printed: impl fmt::Debug) {
        writeln!(self, "{printed:?} {printed:#?}").unwrap();
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
