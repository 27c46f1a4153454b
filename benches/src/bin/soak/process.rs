use std::{env, process::Stdio};

use enkash_auth_tower::BoxError;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// The server as a separate process, so that its memory does not count.
pub(crate) struct Server {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    pub(crate) async fn start(seed: u64) -> Result<Self, BoxError> {
        let mut child = Command::new(env::current_exe()?)
            .args(["--server", "--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = lines
            .next_line()
            .await?
            .ok_or("the server does not start")?;
        Ok(Self {
            child,
            lines,
            address,
        })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Stops the server; returns the number of token requests.
    pub(crate) async fn stop(mut self) -> Result<u64, BoxError> {
        drop(self.child.stdin.take());
        let requests = self.lines.next_line().await?.ok_or("the server died")?;
        self.child.wait().await?;
        Ok(requests.parse()?)
    }
}
