//! Keeps a thread on one CPU, so that frames that it hands to the programs are counted in one shard.

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use crate::source::SourceError;

/// The thread that made it stays on its CPU as long as this lives.
#[derive(Debug)]
pub(super) struct OneCpu {
    before: CpuSet,
}

impl OneCpu {
    pub(super) fn stay() -> Result<Self, SourceError> {
        let refused = |error: rustix::io::Errno| SourceError::Load {
            detail: format!("cannot stay on one CPU: {error}"),
        };
        let before = sched_getaffinity(None).map_err(refused)?;
        let mut here = CpuSet::new();
        here.set(sched_getcpu());
        sched_setaffinity(None, &here).map_err(refused)?;
        Ok(Self { before })
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        // What cannot be given back harms nothing: the thread stays where it is.
        let _ = sched_setaffinity(None, &self.before);
    }
}
