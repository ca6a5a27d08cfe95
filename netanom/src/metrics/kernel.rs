//! What the kernel programs tell of themselves: refused entries, lost messages, runs.

use std::time::Duration;

use netanom_common::counter::Refusal;
use prometheus::{Counter, IntCounter};

use super::labels::PROGRAMS;
use super::maker::Maker;
use super::{Metrics, raise};

/// Counters that follow those of the kernel.
pub(super) struct Kernel {
    /// In the order of [`Refusal::ALL`].
    refused: [IntCounter; Refusal::ALL.len()],
    messages_lost: IntCounter,
    /// In the order of [`PROGRAMS`].
    runs: [(IntCounter, Counter); PROGRAMS.len()],
}

impl Kernel {
    /// Series on the page.
    pub(super) const SERIES: usize = Refusal::ALL.len() + 1 + 2 * PROGRAMS.len();

    pub(super) fn new(make: &Maker) -> Self {
        let refused = make.counters(
            "netanom_flow_insert_failures_total",
            "New flows that the kernel's flow maps refused, by errno; their packets are in netanom_packets_overflowed_total.",
            &["errno"],
        );
        let runs = make.counters(
            "netanom_program_runs_total",
            "Runs of the kernel programs while the kernel's BPF statistics are on (netanom run --bpf-stats), else 0.",
            &["program"],
        );
        let time = make.float_counters(
            "netanom_program_run_seconds_total",
            "Time that the runs in netanom_program_runs_total took.",
            &["program"],
        );
        Self {
            refused: Refusal::ALL.map(|reason| refused.with_label_values(&[reason.name()])),
            messages_lost: make.counter(
                "netanom_kernel_messages_lost_total",
                "Messages of the kernel programs that found no room in the ring on their way to the log.",
            ),
            runs: PROGRAMS.map(|program| {
                (runs.with_label_values(&[program]), time.with_label_values(&[program]))
            }),
        }
    }
}

/// All of these take what was counted since the programs were loaded.
impl Metrics {
    /// How many new flows the kernel's maps have refused, in the order of [`Refusal::ALL`].
    pub fn set_insert_failures(&self, so_far: [u64; Refusal::ALL.len()]) {
        for (counter, so_far) in self.kernel.refused.iter().zip(so_far) {
            raise(counter, so_far);
        }
    }

    /// How many messages of the kernel programs were lost.
    pub fn set_kernel_messages_lost(&self, so_far: u64) {
        raise(&self.kernel.messages_lost, so_far);
    }

    /// How often XDP, TCX for what comes in and TCX for what leaves ran, and how long altogether.
    pub fn set_program_runs(&self, so_far: [(u64, Duration); PROGRAMS.len()]) {
        for ((runs, seconds), (count, time)) in self.kernel.runs.iter().zip(so_far) {
            raise(runs, count);
            seconds.inc_by((time.as_secs_f64() - seconds.get()).max(0.0));
        }
    }
}
