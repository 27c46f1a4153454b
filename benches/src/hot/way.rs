use std::{
    hint::black_box,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tower::Service;

use super::{base, hand_written, ours};
use crate::request::Call;

/// Calls a service once with each request, and drops the responses.
pub type Runner = Box<dyn FnMut(Vec<Call>) + Send>;

/// Creates runners that share a token, one for each thread.
pub type Factory = Box<dyn Fn() -> Runner + Send + Sync>;

/// One way to add a token to a request.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// The name in the report.
    pub name: &'static str,
    /// Called for each measurement. Call it, and use its runners, inside a runtime.
    pub factory: fn() -> Factory,
}

/// The index of the insertion of a ready header, to which ratios are relative.
pub const INSERT: usize = 1;

/// All compared ways, the bare service first and the insertion of a ready header second.
pub const WAYS: [Way; 12] = [
    Way {
        name: "bare",
        factory: base::bare,
    },
    Way {
        name: "insert",
        factory: base::insert,
    },
    Way {
        name: "leaked",
        factory: base::leaked,
    },
    Way {
        name: "set_request_header",
        factory: base::set_request_header,
    },
    Way {
        name: "hand_written",
        factory: hand_written::factory,
    },
    Way {
        name: "kept",
        factory: ours::kept,
    },
    Way {
        name: "cloned",
        factory: ours::cloned,
    },
    Way {
        name: "replay",
        factory: ours::replay,
    },
    Way {
        name: "only_boxed",
        factory: base::only_boxed,
    },
    Way {
        name: "boxed",
        factory: ours::boxed,
    },
    Way {
        name: "stack",
        factory: base::stack,
    },
    Way {
        name: "composed",
        factory: ours::composed,
    },
];

/// Uses one handle for all requests.
pub fn kept<S>(mut service: S) -> Runner
where
    S: Service<Call> + Send + 'static,
{
    Box::new(move |calls| {
        for call in calls {
            finish(&mut service, call);
        }
    })
}

/// Clones the handle for each request, as servers with a shared handle do.
pub fn cloned<S>(shared: Arc<S>) -> Runner
where
    S: Service<Call> + Clone + Send + Sync + 'static,
{
    Box::new(move |calls| {
        for call in calls {
            finish(&mut S::clone(&shared), call);
        }
    })
}

#[inline(always)]
#[expect(clippy::panic, reason = "it would measure something else")]
fn finish<S>(service: &mut S, call: Call)
where
    S: Service<Call>,
{
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(
        matches!(service.poll_ready(cx), Poll::Ready(Ok(()))),
        "the service is ready"
    );
    let mut future = pin!(service.call(call));
    match future.as_mut().poll(cx) {
        Poll::Ready(Ok(answer)) => drop(black_box(answer)),
        Poll::Ready(Err(_)) => panic!("the call failed"),
        // Behind a lock: with a cached token nothing else waits.
        Poll::Pending => wait(future),
    }
}

#[cold]
fn wait<F: Future>(mut future: Pin<&mut F>) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    while future.as_mut().poll(&mut cx).is_pending() {
        thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
