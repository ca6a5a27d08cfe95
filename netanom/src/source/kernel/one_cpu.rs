//! Keeps a thread on one CPU, so that frames that it hands to the programs are counted in one shard.

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use crate::source::SourceError;

/// The number of a CPU that a thread stays on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OneCpu(u32);

impl OneCpu {
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// The thread that made it stays on its CPU as long as this lives.
#[derive(Debug)]
pub(super) struct Staying {
    before: CpuSet,
    on: OneCpu,
}

impl Staying {
    pub(super) fn here() -> Result<Self, SourceError> {
        let refused = |error: rustix::io::Errno| SourceError::Load {
            detail: format!("cannot stay on one CPU: {error}"),
        };
        let before = sched_getaffinity(None).map_err(refused)?;
        let mut here = CpuSet::new();
        let cpu = sched_getcpu();
        here.set(cpu);
        sched_setaffinity(None, &here).map_err(refused)?;
        Ok(Self {
            before,
            on: OneCpu(cpu as u32),
        })
    }

    pub(super) fn on(&self) -> OneCpu {
        self.on
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        // What cannot be given back harms nothing: the thread stays where it is.
        let _ = sched_setaffinity(None, &self.before);
    }
}
