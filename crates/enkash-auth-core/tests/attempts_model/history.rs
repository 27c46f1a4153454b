//! The events of the environment, and the outcomes that they allow. Nothing here depends on the code that ran:
//! the counts are the server's, and each exception of the README is a predicate over faults.

use enkash_auth_core::account::AttemptId;

use crate::{
    protocol::OnStoreDown,
    world::{LEASE, MOST},
};

/// Since the beginning, except for the counts: those are since the server's last success, or the last reset.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct History {
    /// Failed attempts that the server counted, except those below.
    pub(crate) strikes: u8,
    /// Those made while the store was down, by process.
    pub(crate) unstored: [u8; MOST],
    /// Those that it processed after their lease, or whose first byte left after it: exception 5.
    pub(crate) late: u8,
    /// Those with a 502 as their response: the assumption.
    pub(crate) gateways: u8,
    /// Records lost, each in a way that exception 4 names.
    pub(crate) losses: u8,
    /// A store that was two at once: exception 4.
    pub(crate) splits: u8,
    /// A bit for each live process that had seen all of a lost record, until the next poll.
    pub(crate) has_to_look: u8,
    /// A bit for each live process that has read or written the newest attempt.
    pub(crate) is_current: u8,
    pub(crate) outages: u8,
    /// The password changed, and since then:
    pub(crate) is_changed: bool,
    /// long backoffs;
    pub(crate) pauses: u8,
    /// attempts, with the credentials of the last success, that had no response, or whose owner was killed or stopped before it reported that;
    pub(crate) unanswered: u8,
    /// those among them that were begun while the server responded to probes.
    pub(crate) unanswered_after_probe: u8,
    /// Since the last success or reset: the record was lost, damaged, rolled back or replaced.
    pub(crate) is_record_lost: bool,
    /// Attempts since the last success or reset that can have counted.
    pub(crate) begun: Vec<Begun>,
    /// Attempts whose owner died before it reported, until a process has seen their lease pass: open, according
    /// to the record.
    pub(crate) orphans: Vec<AttemptId>,
    /// Credentials of the last success that was written.
    pub(crate) last_success: Option<u8>,
    pub(crate) violation: Option<Violation>,
}

/// Sets of credentials, as bits.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Known {
    pub(crate) rejected: u8,
    pub(crate) guessed: u8,
}

/// The owner of an attempt that no live process holds.
const DEAD: u8 = u8::MAX;

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Begun {
    pub(crate) id: AttemptId,
    /// The process that holds it.
    pub(crate) owner: u8,
    pub(crate) credentials: u8,
    /// A bit for each process whose attempt was acquired when this was on the record.
    pub(crate) was_there: u8,
    /// When each process first read a record that held it.
    pub(crate) seen: [Option<u64>; MOST],
    /// Its owner has reported a complete response.
    pub(crate) is_answered: bool,
    /// It was begun on the record, or its owner has read or written that since.
    pub(crate) is_stored: bool,
    /// The side of a split store that has it, if only one has.
    pub(crate) side: Option<usize>,
    /// The owner is alive, and has recorded that it was not counted.
    pub(crate) is_uncounted: bool,
    /// A reset waits for its response, and whether the server has counted it since.
    pub(crate) is_awaited: bool,
    pub(crate) is_counted: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Violation {
    /// Credentials that are recorded as rejected got a permit.
    SentAgain,
    /// Two requests were in flight at once.
    TwoInFlight,
    /// A record of a newer format was overwritten.
    NewerOverwritten,
}

impl History {
    /// Whether a third strike is one that the README excepts.
    pub(crate) fn allows_strikes(&self) -> bool {
        let per_fault = 2 * (self.losses + self.splits);
        self.strikes <= 2 + per_fault || self.is_lost_three_times()
    }

    /// Exception 1: the password changed and the first two responses were lost. If a probe had a response
    /// before the second, the third follows after one backoff, else after two.
    fn is_lost_three_times(&self) -> bool {
        let pauses = match self.unanswered_after_probe {
            0 => 2,
            _ => 1,
        };
        self.is_changed && self.unanswered >= 2 && self.pauses >= pauses
    }

    /// Exception 2: in an outage after the password changed each process makes one attempt, and not more
    /// than two in all. Exception 3: with `Attempt`, each has a budget of its own.
    ///
    /// A single process has seen all that was counted: then a third strike is not excepted.
    pub(crate) fn allows_unstored(&self, policy: OnStoreDown, processes: usize) -> bool {
        let most = match policy {
            OnStoreDown::Hold => 0,
            OnStoreDown::KnownGood if self.is_changed => self.outages.min(2),
            OnStoreDown::KnownGood => 0,
            OnStoreDown::Attempt => 2,
        };
        let unstored = self.unstored.iter().sum::<u8>();
        let is_within = self.unstored.iter().all(|strikes| *strikes <= most);
        let knows_all = processes == 1 && unstored > 0;
        is_within && (!knows_all || self.strikes + unstored <= 2) || self.is_lost_three_times()
    }

    /// The server granted a token, or the operator vouches for the count.
    pub(crate) fn clear_counts(&mut self) {
        self.strikes = 0;
        self.unstored = [0; MOST];
        self.late = 0;
        self.gateways = 0;
        self.begun
            .iter_mut()
            .for_each(|begun| begun.is_counted = false);
    }

    /// The attempts that the success `id` of process `p`, begun at `now`, does not cover are kept.
    ///
    /// A process has recorded that a lease has passed once it has waited for it, whatever the store's clock.
    pub(crate) fn clear_begun(&mut self, p: usize, id: AttemptId, now: u64) {
        self.is_record_lost = false;
        self.begun.retain(|begun| {
            let was_there = begun.was_there & (1 << p) != 0;
            let may_arrive = !begun.is_answered && now < begun.seen[p].unwrap_or(now) + LEASE;
            begun.id != id && (!was_there || may_arrive)
        });
    }

    /// An operator vouches for a count of zero, and waits for the attempts that have no response.
    pub(crate) fn begin_reset(&mut self) {
        self.clear_counts();
        self.is_record_lost = false;
        self.begun
            .retain(|begun| !begun.is_stored || !begun.is_answered);
        for begun in &mut self.begun {
            begun.is_awaited = begun.is_stored;
        }
    }

    /// The operator vouches for the attempts that still have no response, too. Returns how many of them the
    /// server has counted since.
    pub(crate) fn end_reset(&mut self) -> u8 {
        let has_no_response = |begun: &Begun| begun.is_awaited && !begun.is_answered;
        let vouched = self.begun.iter().filter(|begun| has_no_response(begun));
        let counted = vouched.map(|begun| u8::from(begun.is_counted)).sum();
        self.strikes -= counted;
        self.begun.retain(|begun| !has_no_response(begun));
        for begun in &mut self.begun {
            (begun.is_awaited, begun.is_counted) = (false, false);
        }
        counted
    }

    /// The server counts a failed attempt that no exception names.
    pub(crate) fn strike(&mut self, id: AttemptId) {
        self.strikes += 1;
        let awaited = self.begun.iter_mut().filter(|begun| begun.id == id);
        awaited.for_each(|begun| begun.is_counted = begun.is_awaited);
    }

    /// The attempt `id` is reported.
    pub(crate) fn report(&mut self, id: AttemptId, has_response: bool) {
        for begun in self.begun.iter_mut().filter(|begun| begun.id == id) {
            begun.is_answered = has_response;
        }
    }

    /// Process `p` reads the record.
    pub(crate) fn read(&mut self, p: usize, now: u64) {
        for begun in &mut self.begun {
            begun.seen[p].get_or_insert(now);
        }
    }

    /// The record is lost. `is_open`: an attempt was in flight.
    pub(crate) fn lose_record(&mut self, is_open: bool) {
        self.replace_record();
        if is_open || self.is_current == 0 {
            self.losses += 1;
            self.has_to_look = 0;
        } else {
            self.has_to_look = self.is_current;
        }
    }

    /// The record is another one. What was lost with it can come back after a success or a reset.
    pub(crate) fn replace_record(&mut self) {
        self.is_record_lost = true;
        self.last_success = None;
        for begun in &mut self.begun {
            (begun.is_stored, begun.side) = (false, None);
        }
    }

    /// The record is replaced by one that counts two attempts.
    pub(crate) fn damage_record(&mut self) {
        self.replace_record();
        self.begun.extend([0xd0, 0xd1].map(|id| Begun {
            id: AttemptId::new([id; 16]),
            owner: DEAD,
            credentials: u8::MAX,
            was_there: 0,
            seen: [None; MOST],
            is_answered: true,
            is_stored: true,
            side: None,
            is_uncounted: false,
            is_awaited: false,
            is_counted: false,
        }));
    }

    /// Process `p` has read and written the record.
    pub(crate) fn look(&mut self, p: usize) {
        if self.has_to_look & (1 << p) != 0 {
            self.has_to_look = 0;
        }
        if self.has_to_look == 0 {
            self.is_current |= 1 << p;
        }
    }

    /// Process `p` has read and written the record at `now`, and ended the attempts it has seen for a lease.
    pub(crate) fn end_orphans(&mut self, p: usize, now: u64) {
        let begun = &self.begun;
        self.orphans.retain(|id| {
            let seen = begun
                .iter()
                .find(|begun| begun.id == *id)
                .and_then(|begun| begun.seen[p]);
            seen.is_none_or(|seen| now < seen + LEASE)
        });
    }

    /// The others have no longer seen all of the record.
    pub(crate) fn change(&mut self, p: usize) {
        self.is_current = 1 << p;
    }

    /// Process `p` begins an attempt: on the record, on this side of a store that is split, or without the store.
    pub(crate) fn begin(&mut self, p: usize, side: Option<usize>) {
        for begun in &mut self.begun {
            let is_here = side.is_some() && (begun.side.is_none() || begun.side == side);
            let is_there = begun.is_stored && is_here || usize::from(begun.owner) == p;
            begun.was_there = begun.was_there & !(1 << p) | u8::from(is_there) << p;
        }
        if self.has_to_look != 0 {
            self.has_to_look = 0;
            self.losses += 1;
        }
    }

    pub(crate) fn crash(&mut self, p: usize) {
        self.is_current &= !(1 << p);
        if self.has_to_look != 0 {
            self.has_to_look &= !(1 << p);
            if self.has_to_look == 0 {
                self.losses += 1;
            }
        }
        for begun in &mut self.begun {
            begun.seen[p] = None;
            if usize::from(begun.owner) == p {
                (begun.owner, begun.is_uncounted) = (DEAD, false);
            }
        }
    }

    /// An attempt with `credentials` had no response. Only those of the last success are exempt from the budget.
    pub(crate) fn lose_response(&mut self, credentials: u8, had_probe: bool) {
        if self.last_success != Some(credentials) {
            return;
        }
        self.unanswered = (self.unanswered + 1).min(2);
        if had_probe {
            self.unanswered_after_probe = 1;
        }
    }

    /// Whether the history explains that the account is closed to `credentials`.
    pub(crate) fn explains_closed(&self, credentials: u8, known: Known) -> bool {
        let mut counted = self.begun.iter().filter(|begun| !begun.is_uncounted);
        let are_lost = counted
            .clone()
            .all(|begun| begun.credentials == credentials && !begun.is_answered);
        let is_known_good = self.last_success == Some(credentials) && are_lost;
        self.is_record_lost
            || known.contains(credentials)
            || !is_known_good && counted.nth(1).is_some()
    }
}

impl Known {
    pub(crate) fn add(&mut self, credentials: u8, guessed: bool) {
        let bit = 1 << credentials;
        if guessed {
            self.guessed |= bit;
        } else {
            self.rejected |= bit;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.rejected |= other.rejected;
        self.guessed |= other.guessed;
    }

    pub(crate) fn contains(self, credentials: u8) -> bool {
        (self.rejected | self.guessed) & (1 << credentials) != 0
    }

    pub(crate) fn reset(&mut self, allow_rejected: bool) {
        self.guessed = 0;
        if allow_rejected {
            self.rejected = 0;
        }
    }
}
