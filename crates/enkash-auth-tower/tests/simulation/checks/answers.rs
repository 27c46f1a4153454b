//! What comes of it.

use super::{Checks, Sent, Verdict};
use crate::{clock::Millis, world::Who};

/// By so much a cache may be wrong about a token that a sticky issuer repeats: how long such tokens
/// live it has seen, and takes one that came with almost as much left to be minted for it.
const ROUNDING: Millis = 1_250;

impl Checks {
    fn request(&mut self, number: u64) -> &mut Sent {
        &mut self.sent[number as usize]
    }

    pub(crate) fn password(&self, number: u64) -> u32 {
        self.sent[number as usize].password
    }

    /// The issuer has answered a request; `failed` are those in a row that had a wrong password.
    pub(crate) fn judged(&mut self, number: u64, verdict: Verdict, failed: &[u64]) {
        let request = self.request(number);
        request.verdict = Some(verdict);
        request.is_late = !request.is_open;
        if verdict != Verdict::Refused || failed.len() < 3 || failed.last() != Some(&number) {
            return;
        }
        let counts = |number: &u64| {
            let sent = &self.sent[*number as usize];
            let is_harmless = sent.leave.is_some_and(|leave| leave.is_proven)
                && !sent.is_open
                && !sent.is_read
                && !sent.is_orphan;
            sent.leave.is_some() && !sent.is_late && !is_harmless
        };
        if failed.iter().all(counts) {
            self.violated(format!("the account was locked by {failed:?}"));
        }
        self.tally.locked += 1;
    }

    /// The answer to a request was read.
    pub(crate) fn read(&mut self, number: u64) {
        let request = self.request(number);
        request.is_read = true;
        let (process, password) = (request.process, request.password);
        let verdict = request.verdict;
        let process = self.processes.entry(process).or_default();
        match verdict {
            Some(Verdict::Granted) => process.has_token = true,
            Some(Verdict::Refused) => {
                process.refused.insert(password);
                *self.refusals.entry(password).or_default() += 1;
            }
            _ => {}
        }
    }

    /// Nobody waits for the answer to a request any more.
    pub(crate) fn closed(&mut self, number: u64, at: Millis) {
        let request = self.request(number);
        (request.is_open, request.end) = (false, at);
    }

    /// A process is stopped, or killed.
    pub(crate) fn interrupted(&mut self, process: usize, is_killed: bool, at: Millis) {
        let password = self
            .processes
            .get(&process)
            .and_then(|process| process.password);
        self.excused.extend(password);
        let open = self.sent.iter_mut();
        for sent in open.filter(|sent| sent.is_open && sent.process == process) {
            sent.stopped_at.get_or_insert(at);
            sent.is_orphan = is_killed;
        }
    }

    /// A process was told another password: what is on with the old one is on for nobody.
    pub(crate) fn abandoned(&mut self, process: usize, at: Millis) {
        let open = self.sent.iter_mut();
        for sent in open.filter(|sent| sent.is_open && sent.process == process) {
            sent.stopped_at.get_or_insert(at);
        }
    }

    /// A token leaves on a call.
    pub(crate) fn attached(
        &mut self,
        who: &Who,
        token: &str,
        end: Option<Millis>,
        is_sticky: bool,
        at: Millis,
    ) {
        match end {
            None => self.violated(format!(
                "r{} attached {token}, which is no token",
                who.replica
            )),
            Some(end) if is_sticky && (end..end + ROUNDING).contains(&at) => self.tally.late += 1,
            Some(end) if at >= end => {
                let late = at - end;
                self.violated(format!(
                    "r{} attached {token} {late} ms past its end",
                    who.replica
                ));
            }
            Some(_) => {}
        }
    }
}
