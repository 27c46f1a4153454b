//! The account of credentials, and their fingerprints.

use enkash_auth_core::{BaseUrl, Client, Credentials, User};

fn base() -> BaseUrl {
    "https://api.enkash.in".parse().expect("a base address")
}

#[test]
fn account_key_depends_on_address_client_and_user() {
    let of = |id, secret, name, password| {
        Credentials::password(Client::new(id, secret), User::new(name, password))
    };
    let account = of("c", "s", "u", "p").account(&base());
    assert_eq!(account, of("c", "other", "u", "other").account(&base()));
    assert_ne!(account, of("d", "s", "u", "p").account(&base()));
    assert_ne!(account, of("c", "s", "v", "p").account(&base()));
    assert_ne!(
        of("c", "s", "du", "p").account(&base()),
        of("cd", "s", "u", "p").account(&base())
    );
    let elsewhere = "https://pay.enkash.in".parse().unwrap();
    assert_ne!(account, of("c", "s", "u", "p").account(&elsewhere));
    assert_ne!(account, Credentials::merchant("c", "s").account(&base()));

    let print = of("c", "s", "u", "p").fingerprint([1; 16]);
    assert_ne!(print, of("c", "other", "u", "p").fingerprint([1; 16]));
    assert_ne!(print, of("c", "s", "u", "other").fingerprint([1; 16]));
    assert_ne!(print, of("c", "sp", "u", "").fingerprint([1; 16]));
    assert_ne!(
        print,
        of("c", "s", "u", "p").api_key("k").fingerprint([1; 16])
    );
}

#[test]
fn user_name_ignores_case_and_surrounding_space() {
    let account = |name: &str| {
        Credentials::password(Client::new("c", "s"), User::new(name, "p")).account(&base())
    };
    for name in [
        "User@Example.com",
        " user@example.com\n",
        "\tUSER@EXAMPLE.COM ",
    ] {
        assert_eq!(account(name), account("user@example.com"), "{name:?}");
    }
    assert_eq!(account("JOSÉ"), account("josé"));
    assert_ne!(account("a b"), account("ab"));
}

#[test]
fn account_key_displays_a_short_prefix() {
    let account = Credentials::merchant("key", "secret").account(&base());
    let (short, long) = (account.to_string(), format!("{account:x}"));
    assert_eq!((short.len(), long.len()), (12, 64));
    assert!(long.starts_with(&short));
}

#[test]
fn fingerprints_differ_for_any_split_of_secrets() {
    let fingerprint = |secret: &str, password: &str| {
        let (client, user) = (Client::new("id", secret), User::new("user", password));
        Credentials::password(client, user).fingerprint([0; 16])
    };
    assert_ne!(fingerprint("ab", "c"), fingerprint("a", "bc"));
    // Also with bytes that imitate a length prefix.
    for between in ["\0", "\u{1}"].map(|byte| byte.repeat(8)) {
        let (one, other) = (format!("a{between}b"), format!("b{between}c"));
        assert_ne!(fingerprint(&one, "c"), fingerprint("a", &other));
    }
}
