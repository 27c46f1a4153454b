use std::{fmt, sync::Arc};

use http::{HeaderMap, StatusCode};

use super::challenge;

/// Decides whether the response to a call says that the API did not take our token.
///
/// The challenges of a 401 (RFC 6750) are always looked at; [`EnkashAuthLayer::classifier`] adds others beside
/// them, and the strongest evidence counts. A layer with one pays for it: each response is looked at, and each
/// call is boxed.
///
/// # Examples
///
/// gRPC has a status of its own, in the headers of a response without a message:
///
/// ```
/// use enkash_auth_tower::{Classifier, Evidence, Seen};
///
/// #[derive(Debug)]
/// struct Grpc;
///
/// impl Classifier for Grpc {
///     fn classify(&self, response: &Seen<'_>) -> Evidence {
///         match response.headers().get("grpc-status") {
///             Some(status) if status == "16" => Evidence::Proof,
///             _ => Evidence::Nothing,
///         }
///     }
/// }
/// ```
///
/// [`EnkashAuthLayer::classifier`]: crate::EnkashAuthLayer::classifier
pub trait Classifier: fmt::Debug + Send + Sync + 'static {
    /// Returns what `response` says. Called once for each response, and once more with its body after
    /// [`Evidence::NeedsBody`].
    fn classify(&self, response: &Seen<'_>) -> Evidence;
}

/// Names what a response says about the token of its call, the strongest last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Evidence {
    /// Nothing: with a 2xx, the token was taken.
    Nothing,
    /// The API may not take the token, or refuses for another reason. The token is used on while another one is
    /// fetched; with [replay](crate::EnkashAuthLayer::replay), a call with an idempotent method is sent again.
    Doubt,
    /// The API did not carry out this call for want of a token, but which token is not certain. As
    /// [`Doubt`](Self::Doubt); a policy can let other methods be sent again, too.
    ProofForCall,
    /// The body, if it is small, will tell: see [`Seen::body`].
    NeedsBody,
    /// The API did nothing, and does not take the token: it is not used any more, and the call may be sent again
    /// whatever its method.
    Proof,
}

/// Shows a response to a [`Classifier`].
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
    body: Option<&'a [u8]>,
}

/// Holds the classifiers of a layer beside the one for challenges.
#[derive(Clone, Debug, Default)]
pub struct Classifiers(Arc<[Arc<dyn Classifier>]>);

impl<'a> Seen<'a> {
    pub(super) fn new(status: StatusCode, headers: &'a HeaderMap, body: Option<&'a [u8]>) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers.
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the body, encoded as it came, in a second look after [`Evidence::NeedsBody`]: of at most 4 KiB,
    /// and complete. `None` in the first, and if it is longer.
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }
}

impl Classifiers {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, classifier: impl Classifier) {
        let classifier: Arc<dyn Classifier> = Arc::new(classifier);
        self.0 = self.0.iter().cloned().chain([classifier]).collect();
    }

    pub fn clear(&mut self) {
        self.0 = Arc::default();
    }

    /// Returns the strongest evidence, and whether the body may hold a stronger one.
    pub fn classify(&self, response: &Seen<'_>) -> (Evidence, bool) {
        let challenge = match response.status {
            StatusCode::UNAUTHORIZED => challenge::evidence(response.headers),
            _ => Evidence::Nothing,
        };
        let (mut evidence, mut needs_body) = (challenge, false);
        for classifier in self.0.iter() {
            match classifier.classify(response) {
                Evidence::NeedsBody => needs_body = true,
                other => evidence = evidence.max(other),
            }
        }
        (evidence, needs_body && evidence < Evidence::Proof)
    }
}

/// Shows the status alone: a header or the body may hold a secret.
impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
