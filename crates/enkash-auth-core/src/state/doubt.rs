use std::time::Duration;

use crate::{Timestamp, time::nanos};

/// How long a rejection is remembered, and how long a path that rejects one token after another must wait
/// until it opens doubt again.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// Two rejections cause a fetch at once, and one more in each such time: an API that rejects everything causes
/// no request storm.
const REFILL: Duration = Duration::from_secs(30);

/// How many 401s on two or more paths, without a 2xx between them, are proof.
const LONG_RUN: u8 = 10;

/// How many paths are remembered.
const PATHS: usize = 16;

/// Describes a call whose response was looked at.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an argument")]
pub struct Call {
    /// When it was sent.
    pub sent: Timestamp,
    /// A hash of the origin that it went to.
    pub origin: u64,
    /// A hash of that origin and the path.
    pub path: u64,
}

/// Holds what the API's responses say about the held token: nothing, in most caches.
///
/// A *run* is a sequence of rejections without a 2xx between them. It is ignored, or one of them opens doubt
/// (the token is served on while another is looked for), or it is proof (the token is not served). One of many
/// endpoints may respond 401 for reasons of its own: what counts is which paths do.
#[derive(Clone, Debug, Default)]
pub struct Doubt(Option<Box<Memory>>);

/// Holds what is remembered after a rejection, on the monotonic clock.
#[derive(Clone, Debug, Default)]
struct Memory {
    run: Option<Run>,
    paths: Vec<Path>,
    /// When the newest rejection was reported.
    newest: u64,
    /// Calls sent before are about an earlier run: a 2xx or a grant has ended it.
    run_begins: u64,
    /// When two rejections may cause a fetch at once again.
    refilled: u64,
    /// Grants since the first rejection.
    grants: u32,
}

/// Holds the rejections of the held token without a 2xx between them.
#[derive(Clone, Debug)]
struct Run {
    verdict: Verdict,
    /// The rejection that decided the verdict; the first one, if none did.
    since: Timestamp,
    /// The origin of that rejection, if it is known.
    origin: Option<u64>,
    length: u8,
    path: Option<u64>,
    has_two_paths: bool,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Verdict {
    Ignored,
    Doubt,
    Proof,
}

/// Remembers that a path responded 401.
#[derive(Clone, Debug)]
struct Path {
    hash: u64,
    newest: u64,
    /// When it last opened doubt.
    opened: Option<u64>,
    /// The grant to whose token it last responded 401.
    grant: u32,
    /// Whether it has done so after two grants.
    rejects_all: bool,
    /// Whether it has accepted a token after a 401.
    accepts: bool,
}

impl Doubt {
    /// Records a 401 to the held token, in the response to `call` if that was watched. A young token is never
    /// proven bad. Returns whether the view has changed.
    pub fn reject(
        &mut self,
        is_proof: bool,
        is_young: bool,
        call: Option<Call>,
        now: Timestamp,
    ) -> bool {
        self.lapse(now);
        let memory = self.0.get_or_insert_default();
        // Once there is a memory, calls are watched: the others were sent before.
        let sent = call.map_or(0, |call| call.sent.monotonic_nanos());
        if sent < memory.run_begins {
            return false;
        }
        let may_open = call.is_none_or(|call| memory.may_open(call.path, now));
        let run = memory.run_at(now);
        let is_first = run.length == 0;
        run.add(call);
        let verdict = match (is_proof || run.is_proof()) && !is_young {
            true => Verdict::Proof,
            false if may_open => Verdict::Doubt,
            false => Verdict::Ignored,
        };
        memory.decide(verdict, call, now) || is_first
    }

    /// Records that the user rejected the held token. Returns whether the view has changed.
    pub fn prove(&mut self, now: Timestamp) -> bool {
        self.lapse(now);
        self.0
            .get_or_insert_default()
            .decide(Verdict::Proof, None, now)
    }

    /// Records a 2xx to `call`, which carried the held token. Returns whether the view has changed.
    pub fn accept(&mut self, call: Call) -> bool {
        let sent = call.sent.monotonic_nanos();
        let Some(memory) = &mut self.0 else {
            return false;
        };
        for path in &mut memory.paths {
            path.accepts |= path.hash == call.path && path.newest < sent;
        }
        let Some(run) = memory
            .run
            .as_mut()
            .filter(|run| run.verdict < Verdict::Proof && run.since.monotonic_nanos() < sent)
        else {
            return false;
        };
        if run.origin.is_some_and(|origin| origin != call.origin) {
            // Another origin takes it: no proof, and still doubt.
            (run.length, run.path, run.has_two_paths) = (0, None, false);
            return false;
        }
        memory.end_run(sent);
        true
    }

    /// Records a grant in response to a request sent at `sent`. One that was sent before the rejections, and
    /// returned the same token, does not confirm it.
    pub fn grant(&mut self, is_new: bool, sent: Timestamp, now: Timestamp) {
        let Some(memory) = &mut self.0 else { return };
        memory.grants = memory.grants.wrapping_add(1);
        let is_confirmed = |run: &Run| run.since.monotonic_nanos() <= sent.monotonic_nanos();
        if is_new || memory.run.as_ref().is_none_or(is_confirmed) {
            memory.end_run(now.monotonic_nanos());
        }
    }

    /// Forgets the token that was held.
    pub fn forget_token(&mut self) {
        if let Some(memory) = &mut self.0 {
            memory.run = None;
        }
    }

    /// Frees the memory, once it is older than 5 minutes, unless the token is proven bad.
    pub fn lapse(&mut self, now: Timestamp) {
        if self.watched_until(now).is_none() && self.proof_at().is_none() {
            self.0 = None;
        }
    }

    /// Returns whether another token is to be looked for.
    pub fn is_open(&self) -> bool {
        self.run().is_some_and(|run| run.verdict >= Verdict::Doubt)
    }

    /// Returns since when the token is proven bad, if it is.
    pub fn proof_at(&self) -> Option<Timestamp> {
        let run = self.run().filter(|run| run.verdict == Verdict::Proof)?;
        Some(run.since)
    }

    /// Returns until when calls are watched: 5 minutes after the newest rejection. `None` if they are not.
    pub fn watched_until(&self, now: Timestamp) -> Option<Timestamp> {
        let newest = Timestamp::new(self.0.as_ref()?.newest, 0);
        let until = (newest + REMEMBERED).on_monotonic();
        (!until.has_passed(now)).then_some(until)
    }

    fn run(&self) -> Option<&Run> {
        self.0.as_ref()?.run.as_ref()
    }
}

impl Memory {
    fn run_at(&mut self, now: Timestamp) -> &mut Run {
        self.newest = now.monotonic_nanos();
        self.run.get_or_insert(Run {
            verdict: Verdict::Ignored,
            since: now,
            origin: None,
            length: 0,
            path: None,
            has_two_paths: false,
        })
    }

    /// Gives the run at least `verdict`, if the bucket allows. Returns whether its verdict has changed.
    fn decide(&mut self, verdict: Verdict, call: Option<Call>, now: Timestamp) -> bool {
        let at = now.monotonic_nanos();
        let refilled = self.refilled.max(at);
        let interval = nanos(REFILL);
        let run = self.run_at(now);
        let was = run.verdict;
        // Doubt that becomes proof is the same rejection: its fetch is paid for.
        let is_free = was > Verdict::Ignored;
        if verdict <= was || !is_free && refilled - at > interval {
            return false;
        }
        run.verdict = verdict;
        if is_free {
            return true;
        }
        run.since = now;
        run.origin = call.map(|call| call.origin);
        self.refilled = refilled.saturating_add(interval);
        let opened_by = |path: &&mut Path| call.is_some_and(|call| call.path == path.hash);
        if let Some(path) = self.paths.iter_mut().find(opened_by) {
            path.opened = Some(at);
        }
        true
    }

    /// Remembers a 401 on the path `hash`, and returns whether it may open doubt.
    ///
    /// A path that rejects one token after another and accepts some between may respond 401 for reasons of its
    /// own, or its tokens are revoked: then nothing but 401s follows, for as long as the bucket takes to refill.
    fn may_open(&mut self, hash: u64, now: Timestamp) -> bool {
        let long = self.run.as_ref().map(|run| run.since + REFILL);
        let is_long = long.is_some_and(|end| end.on_monotonic().has_passed(now));
        let (now, grant) = (now.monotonic_nanos(), self.grants);
        let is_remembered = |at: u64| now.saturating_sub(at) < nanos(REMEMBERED);
        self.paths.retain(|path| is_remembered(path.newest));
        if let Some(path) = self.paths.iter_mut().find(|path| path.hash == hash) {
            let may_open = !path.rejects_all
                || path.accepts && is_long
                || !path.opened.is_some_and(is_remembered);
            path.rejects_all |= path.grant != grant;
            (path.newest, path.grant) = (now, grant);
            return may_open;
        }
        if self.paths.len() == PATHS {
            let oldest = self.paths.iter().map(|path| path.newest).min();
            let at = self
                .paths
                .iter()
                .position(|path| Some(path.newest) == oldest);
            at.map(|at| self.paths.swap_remove(at));
        }
        self.paths.push(Path {
            hash,
            newest: now,
            opened: None,
            grant,
            rejects_all: false,
            accepts: false,
        });
        true
    }

    fn end_run(&mut self, run_begins: u64) {
        self.run = None;
        self.run_begins = self.run_begins.max(run_begins);
    }
}

impl Run {
    fn add(&mut self, call: Option<Call>) {
        self.length = self.length.saturating_add(1);
        if let Some(call) = call {
            self.has_two_paths |= *self.path.get_or_insert(call.path) != call.path;
        }
    }

    fn is_proof(&self) -> bool {
        self.has_two_paths && self.length >= LONG_RUN
    }
}
