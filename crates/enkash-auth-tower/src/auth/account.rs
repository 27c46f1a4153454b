use std::fmt;

use http::header::AUTHORIZATION;

use super::{AuthRequest, RequestView};
use crate::{
    AccountId, Accounts, Error, ErrorKind,
    cache::{Attached, HeaderCopy, HeaderSlot, Shared},
    sync::Arc,
};

/// Attaches the token of one account: what [`EnkashAuthLayer::new`](crate::EnkashAuthLayer::new) does.
#[derive(Clone, Debug)]
pub struct OneAccount(Arc<Shared>);

/// Attaches the token of the account that a request names: see
/// [`EnkashAuthLayer::per_account`](crate::EnkashAuthLayer::per_account).
#[derive(Clone)]
pub struct PerAccount<K, F> {
    accounts: Accounts<K>,
    select: F,
}

/// Selects whose token a request carries. Sealed: [`OneAccount`] or [`PerAccount`].
pub trait SelectAccount<Req, Res>: sealed::Sealed {
    /// What selects the account of a request.
    #[doc(hidden)]
    type Key;

    #[doc(hidden)]
    fn select(&self, request: &mut Req) -> Result<Self::Key, Error>;

    /// Attaches a token that is fresh, if the response to the call need not be looked at.
    #[doc(hidden)]
    fn attach(
        &self,
        key: &Self::Key,
        header: &mut HeaderCopy,
        slot: &HeaderSlot,
        request: &mut Req,
    ) -> Option<Attached>;

    #[doc(hidden)]
    fn shared(&self, key: Self::Key) -> Result<Arc<Shared>, Error>;
}

impl OneAccount {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }
}

impl<Req, Res> SelectAccount<Req, Res> for OneAccount
where
    Req: AuthRequest<Res>,
{
    type Key = ();

    #[inline(always)]
    fn select(&self, _: &mut Req) -> Result<(), Error> {
        Ok(())
    }

    #[inline(always)]
    fn attach(
        &self,
        (): &(),
        header: &mut HeaderCopy,
        slot: &HeaderSlot,
        request: &mut Req,
    ) -> Option<Attached> {
        header.attach(request.headers_mut(), slot, &self.0)
    }

    fn shared(&self, (): ()) -> Result<Arc<Shared>, Error> {
        Ok(Arc::clone(&self.0))
    }
}

impl<K, F> PerAccount<K, F> {
    pub(super) fn new(accounts: Accounts<K>, select: F) -> Self {
        Self { accounts, select }
    }
}

impl<K, F, Req, Res> SelectAccount<Req, Res> for PerAccount<K, F>
where
    K: AccountId,
    F: Fn(&mut RequestView<'_>) -> Option<K>,
    Req: AuthRequest<Res>,
{
    type Key = K;

    fn select(&self, request: &mut Req) -> Result<K, Error> {
        (self.select)(&mut RequestView::new(request))
            .ok_or_else(|| Error::new(ErrorKind::NoAccount, ""))
    }

    fn attach(
        &self,
        key: &K,
        _: &mut HeaderCopy,
        slot: &HeaderSlot,
        request: &mut Req,
    ) -> Option<Attached> {
        let header_of = |shared: &Shared| slot.header_once(shared);
        let (header, attached) = self.accounts.peek(key, header_of)??;
        request.headers_mut().insert(&AUTHORIZATION, header);
        Some(attached)
    }

    fn shared(&self, key: K) -> Result<Arc<Shared>, Error> {
        self.accounts.shared(&key)
    }
}

impl<K, F> fmt::Debug for PerAccount<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerAccount").finish_non_exhaustive()
    }
}

mod sealed {
    /// Marks the selections of this crate.
    pub trait Sealed {}

    impl Sealed for super::OneAccount {}
    impl<K, F> Sealed for super::PerAccount<K, F> {}
}
