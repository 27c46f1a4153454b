//! A replica's side of the store: orders go over the network, and so do answers.

use std::fmt;

use enkash_auth_core::{
    AccountId, Grant, Moment,
    strikes::{Bid, Settlement},
};
use enkash_auth_tower::{
    Begin, BoxError, Edition, Leave, Principal, Standing, StoreFuture, TokenStore,
};
use futures_util::future::pending;
use tokio::sync::oneshot;

use crate::{
    events::Event,
    plan::{Outage, Step},
    shelf::{Answer, Kept, Order, What},
    world::{Shared, Who, World},
};

/// The store as one process sees it.
pub(crate) struct RemoteStore {
    world: Shared,
    who: Who,
    /// Of whom this process is: what a reset is for.
    principal: Principal,
}

/// An order that is under way. Dropped before its answer has come, it has failed.
struct Waiting {
    world: Shared,
    who: Who,
    is_finish: bool,
    is_answered: bool,
}

impl RemoteStore {
    pub(crate) fn new(world: &Shared, who: Who, principal: &Principal) -> Self {
        Self {
            world: world.clone(),
            who,
            principal: principal.clone(),
        }
    }

    async fn ask(&self, principal: &Principal, what: What) -> Result<Answer, BoxError> {
        let mut waiting = Waiting {
            world: self.world.clone(),
            who: self.who,
            is_finish: matches!(what, What::Finish(..)),
            is_answered: false,
        };
        let (reply, answer) = oneshot::channel();
        let order = Order {
            principal: principal.clone(),
            what,
        };
        self.world.lock().order(self.who, order, reply);
        // What is lost is lost without a word.
        let Ok(answer) = answer.await else {
            return pending().await;
        };
        waiting.is_answered = answer.is_ok();
        answer
    }
}

impl TokenStore for RemoteStore {
    fn load<'a>(&'a self, principal: &'a Principal, _: Moment) -> StoreFuture<'a, Standing> {
        Box::pin(async {
            let Answer::Standing(standing) = self.ask(principal, What::Load).await? else {
                unreachable!("it was asked for")
            };
            self.world.lock().checks.learned(&self.who, &standing.token);
            Ok(standing)
        })
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        _: Moment,
    ) -> StoreFuture<'a, Begin> {
        Box::pin(async move {
            let at = self.who.clock.virtual_now();
            self.world.lock().checks.asked(&self.who, at);
            let Answer::Begin(begin) = self.ask(principal, What::Begin(bid, known)).await? else {
                unreachable!("it was asked for")
            };
            let mut world = self.world.lock();
            world.checks.told(&self.who, at);
            match &begin {
                Begin::Granted(leave) => world.checks.received(&self.who, leave.attempt()),
                Begin::Found(token) => {
                    let token = Some(token.clone());
                    world.checks.learned(&self.who, &token);
                }
                Begin::Busy | Begin::Denied(_) => {}
            }
            drop(world);
            Ok(begin)
        })
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        _: Moment,
    ) -> StoreFuture<'a, Standing> {
        Box::pin(async move {
            let kept = grant.map(|grant| Kept::new(&self.who, grant));
            let what = What::Finish(leave.attempt(), leave.edition(), settlement, kept);
            self.world.lock().checks.settled(&self.who, leave);
            let Answer::Standing(standing) = self.ask(principal, what).await? else {
                unreachable!("it was asked for")
            };
            self.world.lock().checks.learned(&self.who, &standing.token);
            Ok(standing)
        })
    }

    fn reset(&self, _: AccountId, _: Moment) -> StoreFuture<'_, ()> {
        Box::pin(async { self.ask(&self.principal, What::Reset).await.map(drop) })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.is_answered {
            let at = self.who.clock.virtual_now();
            let mut world = self.world.lock();
            world.checks.store_failed(&self.who, self.is_finish, at);
        }
    }
}

type Reply = oneshot::Sender<Result<Answer, BoxError>>;

impl World {
    /// `order` leaves its replica.
    fn order(&mut self, who: Who, order: Order, reply: Reply) {
        let at = who.clock.virtual_now();
        let step = match order.what {
            What::Load => Some(Step::LoadSent),
            What::Begin(..) => Some(Step::BeginSent),
            What::Finish(..) => Some(Step::FinishSent),
            What::Reset => None,
        };
        let is_lost = self.chance(self.plan.weather.store_loss / 2);
        self.note(
            at,
            format_args!("r{} -> store {order:?}{}", who.replica, lost(is_lost)),
        );
        if !is_lost {
            let arrival = at + self.way(20, 1_500);
            self.at(arrival, Event::ToStore(who, order, reply));
        }
        if let Some(step) = step {
            self.step(at, who.replica, step);
        }
    }

    /// `order` has arrived at the store.
    pub(crate) fn take_order(&mut self, who: Who, order: &Order, reply: Reply) {
        if self.outage == Some(Outage::Hanging) {
            return;
        }
        let at = self.now;
        let answer = if self.outage == Some(Outage::Refusing) {
            Err("the store is down".into())
        } else {
            let answer = self.shelf.execute(&who, order, at);
            self.checks.executed(order, &answer, at);
            Ok(answer)
        };
        let step = match (&answer, &order.what) {
            (Ok(_), What::Begin(..)) => Some(Step::BeginDone),
            (Ok(_), What::Finish(..)) => Some(Step::FinishDone),
            _ => None,
        };
        let is_mute = self.outage == Some(Outage::Mute) && !matches!(order.what, What::Load);
        let is_lost = is_mute || self.chance(self.plan.weather.store_loss / 2);
        self.note(
            at,
            format_args!("store -> r{} {answer:?}{}", who.replica, lost(is_lost)),
        );
        if !is_lost {
            let arrival = at + self.way(20, 1_500);
            self.at(arrival, Event::FromStore(who, answer, reply));
        }
        if let Some(step) = step {
            self.step(at, who.replica, step);
        }
    }

    /// The store's answer has arrived.
    pub(crate) fn hand_out(&mut self, who: Who, answer: Result<Answer, BoxError>, reply: Reply) {
        let step = match &answer {
            Ok(Answer::Begin(Begin::Granted(_))) => Some(Step::LeaveReceived),
            Ok(Answer::Standing(_)) => Some(Step::FinishConfirmed),
            _ => None,
        };
        drop(reply.send(answer));
        if let Some(step) = step {
            self.step(self.now, who.replica, step);
        }
    }
}

pub(crate) fn lost(is_lost: bool) -> &'static str {
    if is_lost { " (lost)" } else { "" }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteStore")
    }
}
