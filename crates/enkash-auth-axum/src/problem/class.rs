use enkash_auth_tower::core::ErrorKind;

/// The name of an error's kind, as problems and the status report give it.
///
/// # Examples
///
/// ```
/// use enkash_auth_axum::{class, tower::core::ErrorKind};
///
/// assert_eq!(class(ErrorKind::AccountLocked), "account-locked");
/// ```
pub fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidSetting => "invalid-setting",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::InvalidAnswer => "invalid-answer",
        ErrorKind::Rejected => "rejected",
        ErrorKind::AccountLocked => "account-locked",
        ErrorKind::Misconfigured => "misconfigured",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::Unresolved => "unresolved",
        ErrorKind::StoreUnavailable => "store-unavailable",
        ErrorKind::ForeignOrigin => "foreign-origin",
        ErrorKind::Saturated => "saturated",
        ErrorKind::WaitTimeout => "wait-timeout",
        ErrorKind::NoRuntime => "no-runtime",
        _ => "other",
    }
}
