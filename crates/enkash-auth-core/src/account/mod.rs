//! The account record: what is known of the attempts to get a token for one account.

mod outcome;

pub use self::outcome::AttemptOutcome;
