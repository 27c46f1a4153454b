use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
};

/// The outcomes of the calls, and the resources of the process.
pub(crate) struct Tally {
    start: Held,
    /// After the first minute, when one-time allocations are done.
    settled: Option<Held>,
    served: u64,
    unauthorized: u64,
    failed: BTreeMap<String, u64>,
}

/// The resources of this process. Zero without `/proc`.
#[derive(Clone, Copy, Debug)]
struct Held {
    resident_kib: u64,
    files: usize,
}

impl Held {
    fn now() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| {
            let size = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
            size.parse().ok()
        });
        let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Ok(Self {
            resident_kib: resident.unwrap_or_default(),
            files,
        })
    }
}

impl Tally {
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            start: Held::now()?,
            settled: None,
            served: 0,
            unauthorized: 0,
            failed: BTreeMap::new(),
        })
    }

    pub(crate) fn add(&mut self, came: Result<u16, String>) {
        match came {
            Ok(200) => self.served += 1,
            // The API's own 401: the token was revoked while no other was available.
            Ok(401) => self.unauthorized += 1,
            Ok(status) => *self.failed.entry(format!("status {status}")).or_default() += 1,
            Err(how) => *self.failed.entry(how).or_default() += 1,
        }
    }

    fn calls(&self) -> u64 {
        self.served + self.unauthorized + self.failed.values().sum::<u64>()
    }

    /// Prints the line of a minute.
    pub(crate) fn minute(&mut self) -> io::Result<()> {
        let held = Held::now()?;
        self.settled.get_or_insert(held);
        let (calls, failed) = (self.calls(), &self.failed);
        let Held {
            resident_kib,
            files,
        } = held;
        writeln!(
            io::stdout(),
            "{calls} calls, {} unauthorized, failed: {failed:?}, {resident_kib} KiB, {files} files",
            self.unauthorized
        )
    }

    /// Prints the result; returns whether the run succeeded.
    pub(crate) fn report(&self, token_requests: u64) -> io::Result<bool> {
        let (mut out, end) = (io::stdout(), Held::now()?);
        writeln!(out, "calls\t{}", self.calls())?;
        writeln!(out, "served\t{}", self.served)?;
        writeln!(out, "unauthorized at the API\t{}", self.unauthorized)?;
        for (how, times) in &self.failed {
            writeln!(out, "failed: {how}\t{times}")?;
        }
        writeln!(out, "token requests\t{token_requests}")?;
        let settled = self.settled.unwrap_or(self.start);
        for (when, held) in [("start", self.start), ("settled", settled), ("end", end)] {
            writeln!(out, "resident at {when}\t{} KiB", held.resident_kib)?;
            writeln!(out, "open files at {when}\t{}", held.files)?;
        }
        Ok(self.failed.is_empty() && end.files <= settled.files.max(self.start.files + 64))
    }
}
