//! Errors: kinds, texts, sources.

use std::{error::Error as _, time::Duration};

use enkash_auth_core::{Failure, FailureKind, state::FetchError};
use enkash_auth_tower::{Error, ErrorKind, Origin};

const KINDS: [ErrorKind; 14] = [
    ErrorKind::InvalidSetting,
    ErrorKind::Unavailable,
    ErrorKind::InvalidResponse,
    ErrorKind::Rejected,
    ErrorKind::AccountLocked,
    ErrorKind::AccountClosed,
    ErrorKind::Misconfigured,
    ErrorKind::Forbidden,
    ErrorKind::Unresolved,
    ErrorKind::StoreUnavailable,
    ErrorKind::ForeignOrigin,
    ErrorKind::Saturated,
    ErrorKind::WaitTimeout,
    ErrorKind::NoRuntime,
];

#[test]
fn display_is_lower_case_without_full_stop() {
    for kind in KINDS {
        for text in [
            kind.to_string(),
            Error::new(kind, "").to_string(),
            Error::new(kind, "some detail").to_string(),
        ] {
            assert!(
                text.starts_with(|first: char| first.is_lowercase()),
                "{text}"
            );
            assert!(!text.ends_with(['.', ':', ' ']), "{text}");
        }
        assert_eq!(
            Error::new(kind, "detail").to_string(),
            format!("{kind}: detail")
        );
        assert_eq!(Error::new(kind, "").to_string(), kind.to_string());
    }
    let mut texts = KINDS.map(|kind| kind.to_string()).to_vec();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), KINDS.len());
}

#[test]
fn every_kind_has_a_distinct_name() {
    let mut names = KINDS.map(ErrorKind::as_str);
    names.sort_unstable();
    for pair in names.windows(2) {
        assert!(pair[0] < pair[1], "{pair:?}");
    }
    for name in names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    }
}

#[test]
fn display_never_repeats_its_source() {
    let cause = Error::new(ErrorKind::InvalidSetting, "the cause");
    for kind in KINDS {
        let error = Error::new(kind, "the effect").with_source(cause.clone());
        assert!(!error.to_string().contains("cause"), "{error}");
        let source = error.source().unwrap();
        assert_eq!(source.to_string(), cause.to_string());
        assert!(source.downcast_ref::<Error>().is_some());
        assert!(Error::new(kind, "no cause").source().is_none());
    }
}

#[test]
fn only_self_resolving_kinds_are_transient() {
    for kind in KINDS {
        let transient = matches!(
            kind,
            ErrorKind::Unavailable
                | ErrorKind::InvalidResponse
                | ErrorKind::StoreUnavailable
                | ErrorKind::Saturated
                | ErrorKind::WaitTimeout
        );
        assert_eq!(kind.is_transient(), transient, "{kind:?}");
        assert_eq!(Error::new(kind, "").is_transient(), transient, "{kind:?}");
        let closed = matches!(
            kind,
            ErrorKind::Rejected | ErrorKind::AccountLocked | ErrorKind::AccountClosed
        );
        assert_eq!(kind.is_closed(), closed, "{kind:?}");
        assert_eq!(Error::new(kind, "").kind(), kind);
    }
}

#[test]
fn error_is_one_word_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
}

#[test]
fn clone_shares_its_source() {
    let error = Error::new(ErrorKind::Unavailable, "status 503")
        .with_source(Error::new(ErrorKind::NoRuntime, "cause"));
    let clone = error.clone();
    let address = |error: &Error| {
        std::ptr::from_ref(error.source().unwrap())
            .cast::<()>()
            .addr()
    };
    assert_eq!(address(&error), address(&clone));
    assert_eq!(error.to_string(), clone.to_string());
}

#[test]
fn changed_clone_leaves_original_unchanged() {
    let error = Error::new(ErrorKind::Unavailable, "status 503");
    let later = error.clone().with_retry_after(Duration::from_secs(2));
    assert_eq!(error.retry_after(), None);
    assert_eq!(later.retry_after(), Some(Duration::from_secs(2)));
    let later = later.with_source(Error::new(ErrorKind::NoRuntime, ""));
    assert_eq!(later.retry_after(), Some(Duration::from_secs(2)));
    assert_eq!(later.kind(), ErrorKind::Unavailable);
    let shown = format!("{later:?}");
    assert!(
        shown.contains("Unavailable") && shown.contains("status 503"),
        "{shown}"
    );
    assert!(
        shown.contains("2s") && shown.contains("NoRuntime"),
        "{shown}"
    );
}

#[test]
fn error_is_send_and_sync() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Error>();
}

#[test]
fn failure_keeps_its_kind_text_and_time() {
    for (kind, text, is_plain) in [
        (FailureKind::Unavailable, "token server unavailable", true),
        (
            FailureKind::InvalidResponse,
            "unusable token response",
            true,
        ),
        (FailureKind::Rejected, "credentials rejected", false),
        (FailureKind::AccountLocked, "account locked", false),
        (FailureKind::AccountClosed, "account closed", false),
        (
            FailureKind::Misconfigured,
            "token request not supported by the server",
            true,
        ),
        (FailureKind::Forbidden, "token request forbidden", false),
        (
            FailureKind::Unresolved,
            "outcome of the token request unknown",
            false,
        ),
    ] {
        let failure = Failure::new(kind, "status 418");
        let error = Error::from(failure.clone());
        assert_eq!(error.to_string(), format!("{text}: status 418"));
        assert_eq!(format!("{:?}", error.kind()), format!("{kind:?}"));
        assert_eq!(error.retry_after(), None);
        let backoff = if is_plain {
            FailureKind::Unavailable
        } else {
            kind
        };
        assert_eq!(error.backoff_kind(), backoff);
        let after = Duration::from_secs(2);
        let error = Error::from(failure.with_retry_after(after));
        assert_eq!(error.retry_after(), Some(after));
    }
}

#[test]
fn invalid_setting_keeps_its_text_and_source() {
    for text in ["https://a b", "api.enkash.in"] {
        let invalid = text.parse::<Origin>().unwrap_err();
        let (shown, source) = (
            invalid.to_string(),
            invalid.source().map(ToString::to_string),
        );
        let error = Error::from(invalid);
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        assert_eq!(error.to_string(), shown);
        assert_eq!(error.source().map(ToString::to_string), source);
    }
}
