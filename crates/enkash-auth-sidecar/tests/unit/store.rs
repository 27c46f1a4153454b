use super::*;

#[test]
fn store_setting_is_memory_directory_or_redis() {
    let name = |value: &str| OpenStore::open(Some(value), None, |_| None).map(|store| store.name());
    assert_eq!(name("memory").unwrap(), "memory");
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().join("a b");
    let directory = format!("file:{}", directory.display());
    assert_eq!(name(&directory).unwrap(), "directory");
    for address in [
        "redis://cache:6379/0",
        "rediss://payouts:secret@cache",
        "redis-sentinel://one,two?master=payouts",
        "redis+unix:///run/redis.sock",
    ] {
        assert_eq!(name(address).unwrap(), "redis", "{address}");
    }
    for unusable in [
        "file",
        "file:",
        "file: ",
        "file:~/enkash",
        "file:enkash",
        "Memory",
        "memory:x",
        "redis",
        "redis:",
        "redis:cache",
        "rediss",
        "/tmp/x",
    ] {
        let error = name(unusable).err().unwrap().to_string();
        assert!(error.starts_with("ENKASH_TOKEN_STORE: "), "{error}");
        assert!(!error.contains("/tmp"), "{error}");
        let is_relative = matches!(unusable, "file:~/enkash" | "file:enkash");
        let names_tilde = error.contains("~ is not expanded");
        assert!(!is_relative || names_tilde, "{error}");
    }
}

#[test]
fn unset_store_uses_state_directory_of_user() {
    let usual_of = |paths: &[(&str, &str)]| {
        let path = |name: &str| {
            let found = paths.iter().find(|(known, _)| *known == name);
            found.map(|(_, path)| PathBuf::from(path))
        };
        usual(path)
    };
    let (state, home) = (("XDG_STATE_HOME", "/state"), ("HOME", "/home/a"));
    let (in_state, in_home) = ("/state/enkash-auth", "/home/a/.local/state/enkash-auth");
    assert_eq!(usual_of(&[state, home]), Some(in_state.into()));
    assert_eq!(usual_of(&[home]), Some(in_home.into()));
    // A relative path counts as none.
    let relative = ("XDG_STATE_HOME", "state");
    assert_eq!(usual_of(&[relative, home]), Some(in_home.into()));
    assert_eq!(usual_of(&[relative, ("HOME", "")]), None);
    assert_eq!(usual_of(&[]), None);
}
