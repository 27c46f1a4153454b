use enkash_auth_core::{Error, state::Outcome};

/// How a flight ended, in a word, and which token was at hand then.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: &'static str,
    pub(crate) generation: Option<u64>,
    /// Why a token that came is of no use.
    pub(crate) dead: Option<Error>,
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
        let is_granted = matches!(outcome, Outcome::Granted(..));
        let outcome = match (outcome, error) {
            (Outcome::Aborted, _) => "aborted",
            (Outcome::Failed(error), _) | (Outcome::Granted(..), Some(error)) => {
                error.kind().as_str()
            }
            // A sticky issuer's token came again.
            (Outcome::Granted(..), None) if before == after => "repeated",
            (Outcome::Granted(..), None) => "granted",
        };
        let dead = error.filter(|_| is_granted).cloned();
        Self {
            outcome,
            generation: after,
            dead,
        }
    }
}
