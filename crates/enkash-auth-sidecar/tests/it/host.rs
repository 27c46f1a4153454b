#![cfg(unix)]

use std::process::Command;

use enkash_auth_sandbox::{Rules, Sandbox};
use tempfile::TempDir;

use super::{
    process::Sidecar,
    stage::{Dialect, command, is_locked, issuer, sandbox},
};

/// A machine with a state directory, before a sandbox.
pub(super) struct Host {
    pub(super) sandbox: Sandbox,
    pub(super) state: TempDir,
}

impl Host {
    pub(super) async fn new(rules: Rules) -> Self {
        Self {
            sandbox: sandbox(issuer(rules)).await,
            state: state(),
        }
    }

    pub(super) fn command(&self) -> Command {
        let mut command = command(&self.sandbox, Dialect::Form);
        command
            .env_remove("ENKASH_TOKEN_STORE")
            .env("XDG_STATE_HOME", self.state.path());
        command
    }

    pub(super) fn wrong(&self, password: &str) -> Command {
        let mut command = self.command();
        command.env("ENKASH_PASSWORD", password);
        command
    }

    pub(super) async fn start(&self) -> Sidecar {
        Sidecar::start(self.command()).await
    }

    pub(super) fn requests(&self) -> u64 {
        self.sandbox.issuer().counters().token_requests
    }

    pub(super) fn is_locked(&self) -> bool {
        is_locked(&self.sandbox)
    }
}

/// Creates a directory in memory if possible: a busy disk takes seconds to sync a file, and a store
/// that does not respond within half a second counts as down.
pub(crate) fn state() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}
