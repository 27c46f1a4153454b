//! What is trusted, and by which crypto provider.

use std::sync::Arc;

use rustls::crypto::ring;

use super::{Roots, provider};
use crate::ErrorKind;

#[test]
fn endpoints_share_tls_until_roots_are_added() {
    let shared = Roots::mozilla().tls().unwrap();
    assert!(Arc::ptr_eq(&shared, &Roots::mozilla().tls().unwrap()));

    let key = rcgen::generate_simple_self_signed(["enkash.test".to_owned()]).unwrap();
    let mut own = Roots::mozilla();
    own.add("ours", key.cert.pem().as_bytes()).unwrap();
    let trusting = own.tls().unwrap();
    assert!(!Arc::ptr_eq(&shared, &trusting));
    assert!(Arc::ptr_eq(&trusting, &own.clone().tls().unwrap()));
}

#[test]
fn installed_provider_precedes_built_in_one() {
    let installed = Arc::new(ring::default_provider());
    for built_in in [None, Some(ring::default_provider())] {
        let used = provider(Some(Arc::clone(&installed)), built_in).unwrap();
        assert!(Arc::ptr_eq(&used, &installed));
    }
    assert!(provider(None, Some(ring::default_provider())).is_ok());
}

#[test]
fn missing_provider_is_an_error_that_says_so() {
    let error = provider(None, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    let text = error.to_string();
    assert!(text.contains("no crypto provider"), "{text}");
    assert!(text.contains("install_default"), "{text}");
}

#[test]
fn tls_has_the_provider_of_the_process() {
    // The same for the other tests of this process.
    let _ = ring::default_provider().install_default();
    let installed = rustls::crypto::CryptoProvider::get_default().unwrap();
    let mut roots = Roots::mozilla();
    roots.changed();
    let tls = roots.tls().unwrap();
    assert!(Arc::ptr_eq(tls.crypto_provider(), installed));
}
