use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
};

/// What came of the calls, and what the process holds.
pub(crate) struct Tally {
    start: Held,
    /// After the first minute, when all that is made once has been made.
    settled: Option<Held>,
    served: u64,
    refused: u64,
    failed: BTreeMap<String, u64>,
}

/// Of this process. Zero where there is no `/proc`.
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
            refused: 0,
            failed: BTreeMap::new(),
        })
    }

    pub(crate) fn add(&mut self, came: Result<u16, String>) {
        match came {
            Ok(200) => self.served += 1,
            // The API's own: its token was revoked while no other was to be had.
            Ok(401) => self.refused += 1,
            Ok(status) => *self.failed.entry(format!("status {status}")).or_default() += 1,
            Err(how) => *self.failed.entry(how).or_default() += 1,
        }
    }

    fn calls(&self) -> u64 {
        self.served + self.refused + self.failed.values().sum::<u64>()
    }

    /// A line for those who wait.
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
            "{calls} calls, {} refused, failed: {failed:?}, {resident_kib} KiB, {files} files",
            self.refused
        )
    }

    /// Says what came of it, and whether it is well.
    pub(crate) fn report(&self, token_requests: u64) -> io::Result<bool> {
        let (mut out, end) = (io::stdout(), Held::now()?);
        writeln!(out, "calls\t{}", self.calls())?;
        writeln!(out, "served\t{}", self.served)?;
        writeln!(out, "refused by the API\t{}", self.refused)?;
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
