/// Allows a body to be sent a second time.
///
/// Every `Clone` body implements it: each clone must hold all of it. One whose clones share what they have
/// read, a stream over the receiver of a channel say, would be replayed incompletely; it belongs into a
/// wrapper that is not `Clone`. One that can be sent twice only sometimes, as it is collected or streamed,
/// implements this instead.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_tower::ReplayBody;
///
/// enum Body {
///     Collected(Bytes),
///     Streaming,
/// }
///
/// impl ReplayBody for Body {
///     fn try_clone(&self) -> Option<Self> {
///         match self {
///             Self::Collected(bytes) => Some(Self::Collected(bytes.clone())),
///             Self::Streaming => None,
///         }
///     }
/// }
/// assert!(Body::Streaming.try_clone().is_none());
/// assert!(Body::Collected(Bytes::new()).try_clone().is_some());
/// ```
pub trait ReplayBody: Sized {
    /// Returns a copy of the body; `None` if it can be sent only once.
    fn try_clone(&self) -> Option<Self>;
}

impl<B: Clone> ReplayBody for B {
    fn try_clone(&self) -> Option<Self> {
        Some(self.clone())
    }
}
