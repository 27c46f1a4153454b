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

/// Calls a service once with each request, and drops the answers.
pub type Runner = Box<dyn FnMut(Vec<Call>) + Send>;

/// Makes runners that share a token, one for each thread.
pub type Factory = Box<dyn Fn() -> Runner + Send + Sync>;

/// One way to put a token on a request.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// As it stands in the report.
    pub name: &'static str,
    /// Made anew for each measurement. To be called, and its runners used, inside a runtime.
    pub factory: fn() -> Factory,
}

/// Which of the ways is the insertion of a ready header: what ratios are to.
pub const INSERT: usize = 1;

/// Everything that is compared, the bare service first and the insertion of a ready header second.
pub const WAYS: [Way; 10] = [
    Way {
        name: "bare",
        factory: base::bare,
    },
    Way {
        name: "insert",
        factory: base::insert,
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

/// Clones the handle for each request, as servers do that share one.
pub fn cloned<S>(service: S) -> Runner
where
    S: Service<Call> + Clone + Send + 'static,
{
    Box::new(move |calls| {
        for call in calls {
            finish(&mut service.clone(), call);
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
        // Behind a lock: with a token at hand nothing else waits.
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
