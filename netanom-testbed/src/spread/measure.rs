//! One attack, beside a flood whose alert was there before, and what became of both.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use netanom::alert::{Alert, Class, Severity, State};
use netanom::pipeline::Pipeline;
use netanom::sink::Sink;
use netanom::sink::store::{AlertStore, DEFAULT_CAPACITY};
use netanom_common::packet::Packet;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::attack::{self, Spread, window};
use crate::judging::Judge;

/// Packets of the flood before in each window.
const BEFORE: u32 = 5000;
/// Packets a second that the flood has in the mean, to the end: well above what makes it high (1,000).
const MEAN_RATE: u32 = 1500;
/// Windows in which the flood is noticed.
const NOTICED: u32 = 4;
/// Then it comes back for one window of so many packets, every so many windows: less than the time after which an
/// incident has ended, and quiet for longest in between.
const AGAIN: (u32, u32) = (40, 500);

const MOST_P99_MS: f64 = 50.0;
const MOST_ALERTS: usize = 20;
const MOST_MEMORY_MB: u64 = 10;
const MOST_OF_PLAIN: f64 = 4.0;

/// What was measured of an attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    pub(super) attack: String,
    pub(super) packets: u32,
    /// Distinct alerts, without that of the flood beside.
    pub(super) alerts: usize,
    /// Whether the high alert from before is still kept, active and high, and has taken in the flood's last packets.
    pub(super) high_stays: bool,
    /// Growth of the resident memory, at most.
    pub(super) memory_mb: u64,
    pub(super) times: Option<Times>,
}

/// Processor time of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Times {
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
    /// All steps, divided by those of a plain flood of as many packets.
    pub(super) of_plain: f64,
}

impl Measured {
    /// What is not as it has to be.
    pub(super) fn missed(&self) -> Vec<String> {
        let mut missed = Vec::new();
        let mut check = |is_met: bool, text: String| {
            if !is_met {
                missed.push(format!("{}: {text}", self.attack));
            }
        };
        check(
            self.alerts <= MOST_ALERTS,
            format!("{} alerts, at most {MOST_ALERTS}", self.alerts),
        );
        check(
            self.high_stays,
            "the high alert from before is gone".to_owned(),
        );
        check(
            self.memory_mb <= MOST_MEMORY_MB,
            format!(
                "memory grew by {} MB, at most {MOST_MEMORY_MB}",
                self.memory_mb
            ),
        );
        if let Some(times) = &self.times {
            check(
                times.p99_ms <= MOST_P99_MS,
                format!(
                    "p99 of a step is {:.1} ms, at most {MOST_P99_MS}",
                    times.p99_ms
                ),
            );
            check(
                times.of_plain <= MOST_OF_PLAIN,
                format!(
                    "{:.1} times the time of a plain flood, at most {MOST_OF_PLAIN}",
                    times.of_plain
                ),
            );
        }
        missed
    }
}

/// Steps an attack through a pipeline, and unless only counts are wanted, a plain flood of as many packets through
/// another.
pub(super) fn measure(
    judge: &Judge,
    spread: &Spread,
    counts_only: bool,
) -> anyhow::Result<Measured> {
    let tick = judge.tick();
    let (packets, windows) = (spread.a_window(tick), spread.windows(tick));
    let mut run = Run::begin(judge, spread.seconds)?;
    let before = resident_mb()?;
    let mut most = before;
    let mut steps = run.play(
        windows,
        packets,
        |n| spread.packet(n),
        || {
            most = most.max(resident_mb()?);
            Ok(())
        },
    )?;
    let high_stays = run.has_high();
    let alerts = run.others.len();
    let times = if counts_only {
        None
    } else {
        drop(run);
        let plain =
            Run::begin(judge, spread.seconds)?.play(windows, packets, attack::plain, || Ok(()))?;
        let sum = |steps: &[Duration]| steps.iter().sum::<Duration>().as_secs_f64();
        let of_plain = sum(&steps) / sum(&plain);
        steps.sort_unstable();
        let at = |share: f64| {
            // Nearest rank.
            let rank = (steps.len() as f64 * share).ceil() as usize;
            let step = steps.get(rank.saturating_sub(1));
            step.map_or(0.0, |step| step.as_secs_f64() * 1000.0)
        };
        Some(Times {
            p99_ms: at(0.99),
            max_ms: at(1.0),
            of_plain,
        })
    };
    Ok(Measured {
        attack: spread.name.to_owned(),
        packets: packets * windows,
        alerts,
        high_stays,
        memory_mb: most - before,
        times,
    })
}

/// A pipeline with a store, and the flood that goes on.
struct Run {
    pipeline: Pipeline,
    store: AlertStore,
    tick: Duration,
    /// Windows so far.
    windows: u32,
    /// Packets of the flood so far, and when it last came.
    flooded: u32,
    last_flood: u32,
    high: String,
    /// Alerts that are not the flood's.
    others: HashSet<String>,
}

impl Run {
    /// After the first flood, which has raised its alert; so many seconds will follow.
    fn begin(judge: &Judge, seconds: u32) -> anyhow::Result<Self> {
        let mut run = Self {
            pipeline: judge.pipeline(),
            store: AlertStore::new(DEFAULT_CAPACITY),
            tick: judge.tick(),
            windows: 0,
            flooded: 0,
            last_flood: 0,
            high: String::new(),
            others: HashSet::new(),
        };
        run.pipeline.rehearse();
        let mut high = None;
        for _ in 0..(seconds * MEAN_RATE).div_ceil(BEFORE) + NOTICED {
            let (_, alerts) = run.step(BEFORE, 0, &attack::plain)?;
            let found = alerts
                .into_iter()
                .find(|alert| alert.class == Class::SynFlood && alert.severity == Severity::High);
            high = high.or(found);
        }
        run.high = high.context("a SYN flood raised no high alert")?.id;
        run.others.clear();
        Ok(run)
    }

    /// Steps windows of an attack; the time of each step, after which `then` looks around.
    fn play(
        &mut self,
        windows: u32,
        packets: u32,
        packet: impl Fn(u32) -> Packet,
        mut then: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut steps = Vec::new();
        let (every, again) = AGAIN;
        for number in 0..windows {
            let flood = if number % every == every - 1 {
                again
            } else {
                0
            };
            let of_attack = |n: u32| packet(number * packets + n);
            let (took, _) = self.step(flood, packets, &of_attack)?;
            steps.push(took);
            then()?;
        }
        Ok(steps)
    }

    /// A window of packets of the flood and of the attack.
    fn step(
        &mut self,
        flood: u32,
        packets: u32,
        packet: &dyn Fn(u32) -> Packet,
    ) -> anyhow::Result<(Duration, Vec<Alert>)> {
        let of_flood = (0..flood).map(|n| attack::beside(self.flooded + n));
        let all: Vec<Packet> = of_flood.chain((0..packets).map(packet)).collect();
        let window = window(self.windows, self.tick, all.into_iter());
        if flood > 0 {
            self.flooded += flood;
            self.last_flood = self.windows;
        }
        self.windows += 1;
        let begin = processor_time()?;
        let alerts = self.pipeline.step(&window);
        let took = processor_time()?.saturating_sub(begin);
        for alert in &alerts {
            self.store.emit(alert)?;
            if alert.id != self.high {
                self.others.insert(alert.id.clone());
            }
        }
        Ok((took, alerts))
    }

    fn has_high(&self) -> bool {
        let since = window(self.last_flood, self.tick, [].into_iter()).start;
        self.store.get(&self.high).is_some_and(|alert| {
            alert.state == State::Active
                && alert.severity == Severity::High
                && alert.last_seen >= since
        })
    }
}

/// What this thread has had of a processor.
fn processor_time() -> anyhow::Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .context("the kernel does not tell this thread's processor time")?;
    Ok(time.into())
}

fn resident_mb() -> anyhow::Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kilobytes.context("/proc/self/status has no VmRSS")? / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_can_be_missed_and_is_named() {
        let good = Measured {
            attack: "pairs".to_owned(),
            packets: 1,
            alerts: 20,
            high_stays: true,
            memory_mb: MOST_MEMORY_MB,
            times: Some(Times {
                p99_ms: 50.0,
                max_ms: 900.0,
                of_plain: 4.0,
            }),
        };
        assert_eq!(good.missed(), [""; 0]);
        let bad = Measured {
            alerts: 21,
            high_stays: false,
            memory_mb: MOST_MEMORY_MB + 1,
            times: Some(Times {
                p99_ms: 50.1,
                max_ms: 60.0,
                of_plain: 4.1,
            }),
            ..good
        };
        assert_eq!(bad.missed().len(), 5);
        assert!(bad.missed()[0].starts_with("pairs: 21 alerts"));
    }
}
