use enkash_auth_core::Origin;
use http::{HeaderName, HeaderValue};
use tower_layer::Layer;

use super::{
    Classifier, EnkashAuth, NoReplay, OneAccount, PerAccount, ReplayPolicy, RequestView,
    rules::Rules,
};
use crate::{
    AccountId, Accounts, Error, ErrorKind,
    cache::{Common, TokenCache},
    call_headers::Scheme,
    sync::Arc,
};

/// Attaches a valid `Authorization: Bearer …` to every request to the inner service.
///
/// The token goes to the origin of the token server's base address and to those that
/// [`allow_origin`](Self::allow_origin) names, and nowhere else. Put this layer *below* one that
/// follows redirects, and it looks at each hop. Of two nested layers, the token of the inner one is sent, and a
/// 401 makes both fetch another; only the inner one may [replay](Self::replay).
///
/// If the API proves that it does not take a token, that is not used any more. A 401 without proof may be one
/// endpoint's own: the token is used on while another is fetched. What is proof is decided by
/// [classifiers](Self::classifier).
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use enkash_auth_tower::{Credentials, EnkashAuthLayer, Environment, TokenCache, TokenEndpoint};
/// use http::{Request, Response};
/// use tower::{ServiceBuilder, service_fn};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::new(TokenEndpoint::new(Environment::Test, keys)?);
///
/// let client = ServiceBuilder::new()
///     .layer(EnkashAuthLayer::new(tokens).allow_origin("https://pay-uat.enkash.in".parse()?))
///     .service(service_fn(|request: Request<()>| async move {
///         Ok::<_, Infallible>(Response::new(String::new()))
///     }));
/// # drop(client);
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnkashAuthLayer<P = NoReplay, A = OneAccount> {
    rules: Arc<Rules<A>>,
    replay: P,
}

impl EnkashAuthLayer {
    /// Creates a layer that takes its tokens from `tokens`, and sends no call a second time.
    pub fn new(tokens: TokenCache) -> Self {
        let shared = tokens.shared();
        Self::build(OneAccount::new(shared), shared.common())
    }
}

impl<K, F> EnkashAuthLayer<NoReplay, PerAccount<K, F>> {
    /// Creates a layer that takes the token of each request from the account that `select` names, and sends no
    /// call a second time. A request without an account fails with
    /// [`ErrorKind::NoAccount`](crate::ErrorKind::NoAccount) before anything is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use enkash_auth_tower::{
    ///     Accounts, BoxError, Credentials, EnkashAuthLayer, Environment, RequestView, TokenServer,
    /// };
    ///
    /// #[derive(Clone, Eq, Hash, PartialEq)]
    /// struct Merchant(u64);
    ///
    /// async fn credentials(merchant: Merchant) -> Result<Credentials, BoxError> {
    ///     # let _ = merchant;
    ///     Ok(Credentials::merchant("from", "a database"))
    /// }
    ///
    /// let server = TokenServer::new(Environment::Test)?.for_merchants()?;
    /// let accounts = Accounts::builder(server, credentials).build();
    /// let layer = EnkashAuthLayer::per_account(accounts, |request: &mut RequestView<'_>| {
    ///     request.extension::<Merchant>().cloned()
    /// });
    /// # drop(layer);
    /// # Ok::<(), enkash_auth_tower::Error>(())
    /// ```
    pub fn per_account(accounts: Accounts<K>, select: F) -> Self
    where
        K: AccountId,
        F: Fn(&mut RequestView<'_>) -> Option<K>,
    {
        let common = Arc::clone(accounts.common());
        Self::build(PerAccount::new(accounts, select), &common)
    }
}

impl<A> EnkashAuthLayer<NoReplay, A> {
    fn build(account: A, common: &Common) -> Self {
        Self {
            rules: Arc::new(Rules::new(account, common)),
            replay: NoReplay,
        }
    }

    /// Sends a call whose token the API rejected once more, with another token, if the first provably did
    /// nothing. The body must be a [`ReplayBody`](crate::replay::ReplayBody): any that is `Clone` is.
    ///
    /// The inner service must not follow redirects or retry by itself: the 401 of a redirected payment proves
    /// nothing about the payment. Reqwest's responses say where they are from, and are checked.
    #[must_use]
    pub fn replay(self, policy: ReplayPolicy) -> EnkashAuthLayer<ReplayPolicy, A> {
        EnkashAuthLayer {
            rules: self.rules,
            replay: policy,
        }
    }
}

impl<P, A: Clone> EnkashAuthLayer<P, A> {
    /// Allows the token for `origin`, too.
    #[must_use]
    pub fn allow_origin(mut self, origin: Origin) -> Self {
        Arc::make_mut(&mut self.rules).allow_origin(origin);
        self
    }

    /// Assumes that a request whose URI is only a path goes to an allowed origin, in a stack that adds the
    /// origin further below, as tonic does. Where requests go is then up to that stack.
    ///
    /// A gRPC server rejects a token with HTTP status 200 and a status of its own: see the example of
    /// [`Classifier`].
    #[must_use]
    pub fn assume_origin(mut self) -> Self {
        Arc::make_mut(&mut self.rules).assume_origin = true;
        self
    }

    /// Sets a header that each call carries beside the token, in place of the caller's own: one that belongs to the
    /// account, such as `API-Key`. It goes where the token goes, and nowhere else. Its value is marked sensitive.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        Arc::make_mut(&mut self.rules)
            .calls_mut()
            .headers
            .set(name, value);
        self
    }

    /// Sets the header `partnerId`, which calls of cards, rewards and gifts require.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`](ErrorKind::InvalidSetting) if `id` cannot be a header value.
    pub fn partner_id(mut self, id: &str) -> Result<Self, Error> {
        let headers = &mut Arc::make_mut(&mut self.rules).calls_mut().headers;
        let detail = "partner id: it cannot be a header value";
        let invalid = |error| Error::new(ErrorKind::InvalidSetting, detail).with_source(error);
        headers.set_partner_id(id).map_err(invalid)?;
        Ok(self)
    }

    /// Omits the header `merchantAccessKey`, which calls with merchant keys carry otherwise.
    #[must_use]
    pub fn omit_access_key(mut self) -> Self {
        Arc::make_mut(&mut self.rules)
            .calls_mut()
            .headers
            .omit_access_key();
        self
    }

    /// Sets what precedes the token: by default [`Scheme::Bearer`].
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        Arc::make_mut(&mut self.rules)
            .calls_mut()
            .headers
            .set_scheme(scheme);
        self
    }

    /// Adds a classifier of responses, beside the challenges of a 401.
    #[must_use]
    pub fn classifier(mut self, classifier: impl Classifier) -> Self {
        let classifiers = &mut Arc::make_mut(&mut self.rules).calls_mut().classifiers;
        classifiers.add(classifier);
        self
    }

    /// Removes all classifiers, such as the [`EnkashProfile`](crate::EnkashProfile) that merchant keys have. The
    /// challenges of a 401 are still looked at.
    #[must_use]
    pub fn clear_classifiers(mut self) -> Self {
        Arc::make_mut(&mut self.rules)
            .calls_mut()
            .classifiers
            .clear();
        self
    }
}

impl<S, P: Clone, A> Layer<S> for EnkashAuthLayer<P, A> {
    type Service = EnkashAuth<S, P, A>;

    fn layer(&self, inner: S) -> Self::Service {
        EnkashAuth::new(inner, Arc::clone(&self.rules), self.replay.clone())
    }
}
