/// What a cache does that needs a token while its store cannot be used, where nobody knows whether
/// its credentials are good. Credentials that have succeeded in this process go on in either case.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{OnStoreDown, TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .on_store_down(OnStoreDown::Attempt)
///     .build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnStoreDown {
    /// It sends nothing and fails with
    /// [`StoreUnavailable`](enkash_auth_core::ErrorKind::StoreUnavailable): each replica of a fleet
    /// with a wrong password would send it, and the third would lock the account.
    #[default]
    Wait,
    /// It goes on under the record of this process.
    Attempt,
}
