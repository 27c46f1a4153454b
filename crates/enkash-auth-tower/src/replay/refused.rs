use crate::cache::{Attached, TokenFuture};

/// The refusal of the first call, kept in case that there is no second.
#[derive(Debug)]
pub(super) struct Refused<Res> {
    response: Res,
    attached: Attached,
}

impl<Res> Refused<Res> {
    pub(super) fn new(response: Res, attached: Attached) -> Self {
        Self { response, attached }
    }

    /// The token after the one that was refused; `None` where the cache is gone.
    pub(super) fn successor(&self) -> Option<TokenFuture> {
        self.attached.successor()
    }

    /// Whether `generation` is that of the token that was refused.
    pub(super) fn is_of(&self, generation: u64) -> bool {
        self.attached.generation() == generation
    }

    /// What became of it is `result`; its answer.
    pub(super) fn end(self, result: &'static str) -> Res {
        self.attached.replayed(result);
        self.response
    }
}
