use enkash_auth_core::{Error, state::Outcome};

/// How a flight ended, in a word, and which token was at hand then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ending {
    pub(crate) outcome: &'static str,
    pub(crate) generation: Option<u64>,
}

impl Ending {
    /// A flight landed with `outcome`: whoever waits is told of `error`, where there is one, and the
    /// token at hand was that of `before` and is that of `after`.
    pub(crate) fn new(
        outcome: &Outcome,
        error: Option<&Error>,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Self {
        let outcome = match (outcome, error) {
            (Outcome::Aborted, _) => "aborted",
            (Outcome::Failed(error), _) | (Outcome::Granted(..), Some(error)) => {
                error.kind().as_str()
            }
            // A sticky issuer's token came again.
            (Outcome::Granted(..), None) if before == after => "repeated",
            (Outcome::Granted(..), None) => "granted",
        };
        Self {
            outcome,
            generation: after,
        }
    }
}
