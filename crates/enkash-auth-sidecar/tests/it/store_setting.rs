//! The store settings of the sidecar.

use std::path::PathBuf;

use enkash_auth_sidecar::StoreSetting;

#[test]
fn store_setting_is_memory_directory_or_redis() {
    let store = |value| StoreSetting::read(Some(value), |_| None);
    assert_eq!(store("memory").unwrap(), StoreSetting::Memory);
    assert_eq!(
        store("file:/a b").unwrap(),
        StoreSetting::File("/a b".into())
    );
    for unusable in [
        "file",
        "file:",
        "file: ",
        "Memory",
        "memory:x",
        "redis",
        "redis:",
        "redis:cache",
        "rediss",
        "/tmp/x",
    ] {
        let error = store(unusable).unwrap_err();
        assert_eq!(error.variable(), "ENKASH_TOKEN_STORE");
        assert!(!error.to_string().contains("/tmp"), "{error}");
    }
}

/// A service may have no home, and its current directory may change.
#[test]
fn store_directory_that_is_not_absolute_is_an_error() {
    for relative in ["file:~/tokens", "file:tokens", "file:./tokens", "file:../x"] {
        let error = StoreSetting::read(Some(relative), |_| Some("/home/a".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ENKASH_TOKEN_STORE: file: requires an absolute path, such as file:/var/lib/enkash; \
             ~ is not expanded"
        );
    }
}

#[test]
fn redis_password_is_not_shown() {
    for scheme in ["redis", "rediss"] {
        let value = format!("{scheme}://payouts:hunter2@cache:6379/0");
        let setting = StoreSetting::read(Some(&value), |_| None).unwrap();
        assert!(!format!("{setting:?}").contains("hunter2"));
        let StoreSetting::Redis(address) = setting else {
            panic!("{setting:?}");
        };
        assert_eq!(address.expose(), value);
    }
}

#[test]
fn unset_store_uses_state_directory_of_user() {
    let usual = |paths: &[(&str, &str)]| {
        let path = |name: &str| {
            let found = paths.iter().find(|(known, _)| *known == name);
            found.map(|(_, path)| PathBuf::from(path))
        };
        StoreSetting::read(None, path).unwrap()
    };
    let at = |path: &str| StoreSetting::Usual(Some(path.into()));
    let (state, home) = (("XDG_STATE_HOME", "/state"), ("HOME", "/home/a"));
    assert_eq!(usual(&[state, home]), at("/state/enkash-auth"));
    assert_eq!(usual(&[home]), at("/home/a/.local/state/enkash-auth"));
    // A relative path counts as none.
    let relative = ("XDG_STATE_HOME", "state");
    assert_eq!(
        usual(&[relative, home]),
        at("/home/a/.local/state/enkash-auth")
    );
    assert_eq!(usual(&[relative, ("HOME", "")]), StoreSetting::Usual(None));
    assert_eq!(usual(&[]), StoreSetting::Usual(None));
}
