//! The course of the lab: normal traffic, then an attack beside it, and all the while a look at the alerts.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};

use super::sensor::{Packets, Sensor};
use super::stop::Stop;
use super::traffic::{A_DAY, Plan, Traffic};
use super::verdict::{Attacked, Findings};
use super::watch::{self, Seen, Watch, now};
use crate::attacks::Attack;
use crate::hosts;

/// An alert of an attack may come after its end.
const AFTERWARDS: Duration = Duration::from_secs(1);
/// The sensor counts at its next poll, a quarter of a second later.
const UNTIL_COUNTED: Duration = Duration::from_secs(3);
/// Starting `simulate` takes a moment.
const UNTIL_SENDING: Duration = Duration::from_secs(20);

/// The sensor, and what was seen of it so far.
pub(super) struct Phases<'a> {
    sensor: Sensor,
    stop: &'a Stop,
    watch: Watch,
    seen: Vec<Seen>,
    /// When the first packet of the attack was sent.
    attacked: Option<Timestamp>,
}

impl<'a> Phases<'a> {
    pub(super) fn new(sensor: Sensor, stop: &'a Stop) -> Self {
        Self {
            sensor,
            stop,
            watch: Watch::default(),
            seen: Vec::new(),
            attacked: None,
        }
    }

    /// Plays both phases and returns what was found.
    pub(super) fn play(
        &mut self,
        normal: Plan<'_>,
        attack: Option<(&'static Attack, Plan<'_>)>,
    ) -> anyhow::Result<Findings> {
        let beside = attack.as_ref().map_or(0.0, |(_, plan)| plan.seconds);
        let mut traffic = Traffic::start(
            "normal",
            &Plan {
                seconds: normal.seconds + beside,
                ..normal
            },
        )?;
        self.wait_until_sending(&mut traffic)?;
        eprintln!("lab: normal traffic for {} s", normal.seconds);
        self.look_for(Duration::from_secs_f64(normal.seconds))?;
        eprintln!(
            "lab: {} in normal traffic",
            if self.seen.is_empty() {
                "no alert"
            } else {
                "false alerts"
            }
        );
        let attacked = match attack {
            Some((attack, plan)) => Some(self.attack(attack, &plan)?),
            None => None,
        };
        while !traffic.is_over()? {
            self.look()?;
        }
        self.look_for(AFTERWARDS)?;
        let mut findings = Findings {
            normal: traffic.finish()?,
            quiet: Vec::new(),
            attacked,
            packets: Packets::default(),
        };
        findings.packets = self.count(findings.sent())?;
        let seen = std::mem::take(&mut self.seen);
        match &mut findings.attacked {
            Some(attacked) => {
                (findings.quiet, attacked.alerts) =
                    seen.into_iter().partition(|seen| seen.at < attacked.first);
            }
            None => findings.quiet = seen,
        }
        Ok(findings)
    }

    /// Normal traffic until a signal comes.
    pub(super) fn go_on(&mut self, normal: Plan<'_>) -> anyhow::Result<()> {
        let mut traffic = Traffic::start(
            "normal",
            &Plan {
                seconds: A_DAY,
                ..normal
            },
        )?;
        while self.stop.check().is_ok() && !traffic.is_over()? {
            self.look_once()?;
            // The signal ends it: that is how one leaves.
            let _ = self.stop.sleep(watch::STEP);
        }
        Ok(())
    }

    fn attack(&mut self, attack: &'static Attack, plan: &Plan<'_>) -> anyhow::Result<Attacked> {
        let source = hosts::source(attack.mode);
        eprintln!(
            "lab: {} from {source} to {} for {} s",
            attack.mode,
            hosts::SERVER,
            plan.seconds
        );
        let mut traffic = Traffic::start("attack", plan)?;
        let first = self.wait_until_sending(&mut traffic)?;
        self.attacked = Some(first);
        while !traffic.is_over()? {
            self.look()?;
        }
        let target = hosts::SERVER
            .parse()
            .context("the server's address is wrong")?;
        let sent = traffic.finish()?;
        Ok(Attacked {
            attack,
            source: source.parse().ok(),
            target,
            sent,
            // The report has it to the microsecond.
            first: sent.first.unwrap_or(first),
            alerts: Vec::new(),
        })
    }

    /// When the first frame was sent. Alerts are not looked for in the moments until then.
    fn wait_until_sending(&self, traffic: &mut Traffic) -> anyhow::Result<Timestamp> {
        let begin = now();
        loop {
            if let Some(first) = traffic.first() {
                return Ok(first);
            }
            if traffic.is_over()? || is_over(begin, UNTIL_SENDING) {
                bail!("`netanom simulate` sends nothing: {}", traffic.last_words());
            }
            // Short, so that the first look at the alerts is not late.
            self.stop.sleep(Duration::from_millis(1))?;
        }
    }

    fn look_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let begin = now();
        while !is_over(begin, time) {
            self.look()?;
        }
        Ok(())
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.look_once()?;
        Ok(self.stop.sleep(watch::STEP)?)
    }

    fn look_once(&mut self) -> anyhow::Result<()> {
        let seen = match self.watch.look(&self.sensor) {
            Ok(seen) => seen,
            Err(error) => {
                // A sensor that has ended says more than a connection that it cut; its end takes a moment.
                self.stop.sleep(watch::STEP)?;
                self.sensor.check()?;
                return Err(error);
            }
        };
        for seen in seen {
            watch::show(&seen, self.attacked);
            self.seen.push(seen);
        }
        Ok(())
    }

    /// What the sensor counted, once it has counted `sent` packets or had the time to.
    fn count(&self, sent: u64) -> anyhow::Result<Packets> {
        let begin = now();
        loop {
            let packets = self.sensor.packets()?;
            if packets.seen() >= sent || is_over(begin, UNTIL_COUNTED) {
                return Ok(packets);
            }
            self.stop.sleep(watch::STEP)?;
        }
    }
}

fn is_over(begin: Timestamp, time: Duration) -> bool {
    now().duration_since(begin) >= SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}
