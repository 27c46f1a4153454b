use std::time::Duration;

use enkash_auth_core::{
    Credentials, ErrorKind, Moment, RefreshPolicy,
    strikes::{Attempt, Bid, Holder, Ledger, Opening, Settlement},
};
use proptest::prelude::*;

const START: Moment = Moment::new(0, 1_767_268_800_000_000_000);
const SALT: [u8; 32] = [7; 32];

/// What happens to an account that four caches share, each of which has one password or another.
///
/// Requests arrive in the order in which they were sent, or not at all: the one thing that a record
/// cannot know is a wrong password that arrives after a later, right one, and of which nobody hears.
#[derive(Clone, Debug)]
enum Event {
    /// A cache makes an attempt, if it may: it is on its way.
    Begin {
        cache: u64,
        password: u8,
    },
    /// One that is on its way arrives, and the server looks at the password; those before it are lost.
    Arrive {
        nth: usize,
    },
    /// One who began hears how it went: of the server, if it arrived and the answer is not lost.
    Settle {
        nth: usize,
        is_lost: bool,
    },
    /// One who began is killed: what is on its way arrives or does not.
    Die {
        nth: usize,
    },
    Pass(Duration),
    /// The operator changes the password at the server.
    Rotate {
        password: u8,
    },
    /// The operator unlocks the account at the server, and says so.
    Reset,
}

struct Sent {
    attempt: Attempt,
    password: u8,
    /// Whether the password was right, once the server has seen it.
    answer: Option<bool>,
    /// Nobody waits for the answer.
    is_orphan: bool,
}

/// The server, which locks at the third in a row.
struct Server {
    password: u8,
    in_a_row: u32,
    /// The number of the attempt that arrived last.
    last: u64,
}

impl Server {
    fn look_at(&mut self, sent: &mut Sent) {
        let is_right = sent.password == self.password;
        self.in_a_row = if is_right { 0 } else { self.in_a_row + 1 };
        sent.answer = Some(is_right);
        self.last = sent.attempt.number();
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let nth = 0..4_usize;
    let span = prop_oneof![0..5_000_u64, 5_000..20_000_u64, 20_000..2_000_000_u64];
    prop_oneof![
        6 => (0..4_u64, 0..3_u8).prop_map(|(cache, password)| Event::Begin { cache, password }),
        6 => nth.clone().prop_map(|nth| Event::Arrive { nth }),
        6 => (nth.clone(), any::<bool>()).prop_map(|(nth, is_lost)| Event::Settle { nth, is_lost }),
        1 => nth.prop_map(|nth| Event::Die { nth }),
        3 => span.prop_map(Duration::from_millis).prop_map(Event::Pass),
        1 => (0..3_u8).prop_map(|password| Event::Rotate { password }),
        1 => Just(Event::Reset),
    ]
}

/// How an attempt went, as far as the one who made it can tell; `None` while it is on its way and may
/// arrive yet.
fn settlement(sent: &Sent, is_lost: bool) -> Option<Settlement> {
    match sent.answer {
        // An answer that is lost says nothing. Credentials that have succeeded are taken to be right
        // still, so the model does not lose their refusals.
        Some(false) if is_lost && !sent.attempt.is_proven() => Some(Settlement::Interrupted),
        Some(true) if is_lost => Some(Settlement::Interrupted),
        Some(true) => Some(Settlement::Granted),
        Some(false) => Some(Settlement::Rejected(ErrorKind::Rejected)),
        // It is taken back before it is sent.
        None => (!is_lost).then_some(Settlement::Harmless),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_server_never_sees_a_third_wrong_password_in_a_row(
        events in prop::collection::vec(any_event(), 1..120),
    ) {
        let mut policy = RefreshPolicy::default();
        policy.retry_unresolved_after = None;
        let (mut ledger, mut server) = (Ledger::new(SALT), Server { password: 0, in_a_row: 0, last: 0 });
        let (mut now, mut sent, mut flights) = (START, Vec::<Sent>::new(), 0);
        let mut refused = Vec::new();
        for event in events {
            match event {
                Event::Begin { cache, password } => {
                    flights += 1;
                    let keys = Credentials::merchant("key", format!("password-{password}"));
                    let bid = Bid::new(Holder::new(cache, flights), &policy);
                    if let Opening::Granted(attempt) = ledger.begin(keys.ledger_fingerprint(&SALT), &bid, now) {
                        prop_assert!(!refused.contains(&password), "a refused password is sent once");
                        sent.push(Sent { attempt, password, answer: None, is_orphan: false });
                    }
                }
                Event::Arrive { nth } => {
                    let mut in_order = sent.iter_mut().filter(|sent| sent.attempt.number() > server.last);
                    if let Some(sent) = in_order.nth(nth) {
                        server.look_at(sent);
                    }
                }
                Event::Settle { nth, is_lost } => {
                    let at = sent.iter().enumerate().filter(|(_, sent)| !sent.is_orphan).nth(nth);
                    if let Some((at, settled)) = at.map(|(at, _)| at).map(|at| (at, &sent[at]))
                        && let Some(settlement) = settlement(settled, is_lost)
                    {
                        match settlement {
                            Settlement::Rejected(_) => refused.push(settled.password),
                            // The operator went back to it.
                            Settlement::Granted => {
                                refused.retain(|password| *password != settled.password);
                            }
                            _ => {}
                        }
                        ledger.finish(settled.attempt, settlement);
                        sent.remove(at);
                    }
                }
                Event::Die { nth } => {
                    let mut waiting = sent.iter_mut().filter(|sent| !sent.is_orphan);
                    if let Some(sent) = waiting.nth(nth) {
                        sent.is_orphan = true;
                    }
                }
                Event::Pass(span) => now = now.plus(span),
                Event::Rotate { password } => server.password = password,
                Event::Reset => {
                    // What is on its way when the operator looks has arrived by then.
                    let last = server.last;
                    for sent in sent.iter_mut().filter(|sent| sent.attempt.number() > last) {
                        server.look_at(sent);
                    }
                    ledger.reset(now);
                    refused.clear();
                    server.in_a_row = 0;
                }
            }
            prop_assert!(server.in_a_row < 3, "locked");
        }
    }
}
