use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::JoinHandle,
};

/// Returns the sidecar command without settings from the environment.
pub(crate) fn sidecar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enkash-sidecar"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_lowercase();
        if text.starts_with("enkash_") || text.ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    // Tests share no state.
    command
        .env("RUST_LOG", "trace")
        .env("ENKASH_TOKEN_STORE", "memory");
    command
}

/// A running sidecar, killed on drop.
pub(crate) struct Sidecar {
    child: Child,
    /// Where it listens, as it prints it: first the main address, then the admin address if there is one.
    listening: Vec<String>,
    output: Option<(JoinHandle<String>, JoinHandle<String>)>,
}

impl Sidecar {
    /// Starts `command` on a free port, and waits until it listens.
    pub(crate) async fn start(command: Command) -> Self {
        Self::start_on(command, "127.0.0.1:0").await
    }

    pub(crate) async fn start_on(mut command: Command, listen: &str) -> Self {
        command.args(["--listen", listen]);
        tokio::task::spawn_blocking(|| Self::spawn(command))
            .await
            .unwrap()
    }

    fn spawn(mut command: Command) -> Self {
        let has_admin = command.get_args().any(|arg| arg == "--admin");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let addresses = 1 + usize::from(has_admin);
        let (first_lines, printed) = mpsc::channel();
        let lines = std::thread::spawn(move || {
            let mut text = String::new();
            for _ in 0..addresses {
                stdout.read_line(&mut text).unwrap();
            }
            first_lines.send(text.clone()).unwrap();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        let text = printed.recv().unwrap();
        let address = |line: &str| Some(line.split_once(" on ")?.1.to_owned());
        let listening: Vec<_> = text.lines().filter_map(address).collect();
        if !text.starts_with("listening on ") || listening.len() < addresses {
            let _ = child.kill();
            panic!("{text}{}", errors.join().unwrap());
        }
        Self {
            child,
            listening,
            output: Some((lines, errors)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        tcp(&self.listening[0])
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        tcp(&self.listening[1])
    }

    pub(crate) fn listening(&self) -> &[String] {
        &self.listening
    }

    /// Returns the peak resident memory in bytes, on Linux only.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        self.memory("VmHWM:")
    }

    /// Returns one of the kernel's figures in bytes, on Linux only.
    pub(crate) fn memory(&self, name: &str) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib * 1024)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends SIGTERM.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &id]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits until the process exits.
    pub(crate) async fn wait(mut self) -> (ExitStatus, String) {
        tokio::task::spawn_blocking(move || {
            let status = self.child.wait().unwrap();
            (status, self.output())
        })
        .await
        .unwrap()
    }

    /// Kills the process, and returns its output.
    pub(crate) async fn kill(mut self) -> String {
        tokio::task::spawn_blocking(move || {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
            self.output()
        })
        .await
        .unwrap()
    }

    fn output(&mut self) -> String {
        let (lines, errors) = self.output.take().unwrap();
        lines.join().unwrap() + &errors.join().unwrap()
    }
}

fn tcp(printed: &str) -> SocketAddr {
    printed.strip_prefix("http://").unwrap().parse().unwrap()
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
