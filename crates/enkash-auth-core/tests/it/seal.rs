//! Sealed tokens.

use enkash_auth_core::{Client, Credentials, User};

const TOKEN: &[u8] = b"2YotnFZFEjr1zCsicMWpAA";

fn password(password: &str) -> Credentials {
    Credentials::password(Client::new("id", "secret"), User::new("user", password))
}

#[test]
fn seal_opens_with_same_credentials() {
    let sealed = password("pw").seal([1; 32], b"context", TOKEN).unwrap();
    let opened = password("pw").open(b"context", &sealed).unwrap();
    assert_eq!(*opened, TOKEN);
    assert!(
        !sealed
            .windows(4)
            .any(|part| TOKEN.windows(4).any(|of| of == part))
    );
}

#[test]
fn seal_does_not_open_with_other_credentials() {
    let sealed = password("pw").seal([1; 32], b"context", TOKEN).unwrap();
    for other in [
        password("px"),
        password("pw").company_id("A"),
        password("pw").api_key("A"),
        Credentials::merchant("id", "secret"),
    ] {
        assert!(other.open(b"context", &sealed).is_none());
    }
    assert!(password("pw").open(b"contexT", &sealed).is_none());
}

#[test]
fn altered_or_truncated_seal_does_not_open() {
    let sealed = password("pw").seal([1; 32], b"", TOKEN).unwrap();
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 0x80;
        assert!(password("pw").open(b"", &changed).is_none(), "{place}");
        assert!(password("pw").open(b"", &sealed[..place]).is_none());
    }
}

#[test]
fn different_salts_make_different_seals() {
    let of = |salt| password("pw").seal([salt; 32], b"", TOKEN).unwrap();
    assert_ne!(of(1)[32..], of(2)[32..]);
}

#[test]
fn credentials_differing_only_in_secrets_act_as_same() {
    assert!(password("old").act_as(&password("new")));
    assert!(Credentials::merchant("key", "old").act_as(&Credentials::merchant("key", "new")));
    for other in [
        password("pw").company_id("A"),
        password("pw").form_field("scope", "A"),
        password("pw").api_key("A"),
        Credentials::password(Client::new("id", "secret"), User::new("other", "pw")),
        Credentials::merchant("key", "old"),
    ] {
        assert!(!password("pw").act_as(&other), "{other:?}");
    }
    let field = |value| password("pw").form_field("scope", value);
    assert!(!field("A").act_as(&field("B")));
    let key = |key| Credentials::merchant(key, "secret");
    assert!(!key("A").act_as(&key("B")));
}
