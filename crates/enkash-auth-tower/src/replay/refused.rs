use crate::cache::{Attached, TokenFuture};

/// The result of a replay whose caller did not wait for it.
const DROPPED: &str = "dropped";

/// The refusal of the first call, kept in case that there is no second.
#[derive(Debug)]
pub(super) struct Refused<Res> {
    response: Res,
    counted: Counted,
}

/// Counts what became of the replay when it is dropped, and so whatever becomes of it.
#[derive(Debug)]
struct Counted {
    attached: Attached,
    result: &'static str,
}

impl<Res> Refused<Res> {
    pub(super) fn new(response: Res, attached: Attached) -> Self {
        Self {
            response,
            counted: Counted {
                attached,
                result: DROPPED,
            },
        }
    }

    /// The token after the one that was refused; `None` where the cache is gone.
    pub(super) fn successor(&self) -> Option<TokenFuture> {
        self.counted.attached.successor()
    }

    /// Whether `generation` is that of the token that was refused.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        self.counted.attached.generation() == generation
    }

    /// What became of it is `result`; its answer.
    pub(super) fn end(mut self, result: &'static str) -> Res {
        self.counted.result = result;
        self.response
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.attached.replayed(self.result);
    }
}
