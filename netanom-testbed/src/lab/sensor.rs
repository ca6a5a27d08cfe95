//! The sensor under test: `netanom run` on the pair, asked over HTTP like anyone would.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use netanom::alert::Alert;
use serde::Deserialize;

use super::child::Child;
use super::stop::Stop;

/// Loading and attaching take a second or two on a slow machine.
const UNTIL_READY: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(50);

/// A running sensor.
pub(super) struct Sensor {
    child: Child,
    address: SocketAddr,
    agent: ureq::Agent,
}

/// What `/alerts` answers.
#[derive(Deserialize)]
struct List {
    alerts: Vec<Alert>,
}

/// What became of the packets that the sensor saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packets {
    /// In flows.
    pub(super) counted: u64,
    /// In no flow, by reason.
    pub(super) ignored: BTreeMap<String, u64>,
}

impl Packets {
    /// All of them.
    pub(super) fn seen(&self) -> u64 {
        self.counted + self.ignored()
    }

    /// Those in no flow.
    pub(super) fn ignored(&self) -> u64 {
        self.ignored.values().sum()
    }
}

impl Sensor {
    /// Starts the sensor that `run` describes, and waits until it watches its interface.
    pub(super) fn start(
        mut run: Command,
        address: SocketAddr,
        stop: &Stop,
    ) -> anyhow::Result<Self> {
        run.arg("--listen").arg(address.to_string());
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(2)))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        let child = Child::start("sensor", &mut run, |_| true)?;
        let mut sensor = Self {
            child,
            address,
            agent: agent.into(),
        };
        sensor.wait_until_ready(stop)?;
        Ok(sensor)
    }

    fn wait_until_ready(&mut self, stop: &Stop) -> anyhow::Result<()> {
        let mut waited = Duration::ZERO;
        loop {
            self.check()?;
            if self
                .agent
                .get(self.url("/readyz"))
                .call()
                .is_ok_and(|answer| answer.status() == 200)
            {
                return Ok(());
            }
            if waited > UNTIL_READY {
                bail!(
                    "the sensor was not ready after {} s: see what it says above",
                    UNTIL_READY.as_secs()
                );
            }
            stop.sleep(STEP)?;
            waited += STEP;
        }
    }

    /// An error when it has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.ended()? {
            None => Ok(()),
            Some(status) => bail!("the sensor ended ({status}): {}", self.child.last_words()),
        }
    }

    /// Every alert of late.
    pub(super) fn alerts(&self) -> anyhow::Result<Vec<Alert>> {
        let text = self.get("/alerts?limit=1000")?;
        let list: List =
            serde_json::from_str(&text).context("cannot read the answer of /alerts")?;
        Ok(list.alerts)
    }

    /// What the sensor counted so far.
    pub(super) fn packets(&self) -> anyhow::Result<Packets> {
        Ok(packets(&self.get("/metrics")?))
    }

    /// The address of a page.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let url = self.url(path);
        let mut answer = self
            .agent
            .get(&url)
            .call()
            .with_context(|| format!("cannot fetch {url}"))?;
        anyhow::ensure!(answer.status() == 200, "{url} answers {}", answer.status());
        answer
            .body_mut()
            .read_to_string()
            .with_context(|| format!("cannot read {url}"))
    }
}

/// The address that was asked for, or the usual one; a free port where that is taken, or where port 0 was asked for.
pub(super) fn address(asked: Option<SocketAddr>) -> anyhow::Result<SocketAddr> {
    let usual = SocketAddr::from(([127, 0, 0, 1], 9710));
    let address = asked.unwrap_or(usual);
    let is_free = TcpListener::bind(address).is_ok();
    if is_free && address.port() != 0 {
        return Ok(address);
    }
    let free = TcpListener::bind((address.ip(), 0)).and_then(|listener| listener.local_addr());
    let free = free.with_context(|| format!("cannot listen on {}", address.ip()))?;
    if !is_free {
        eprintln!("lab: {address} is taken, so the sensor listens on {free}");
    }
    Ok(free)
}

/// Reads the counters of packets from a page of metrics.
fn packets(page: &str) -> Packets {
    let mut packets = Packets::default();
    for line in page.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let value: u64 = value.parse().unwrap_or_default();
        if series.starts_with("netanom_packets_total{") {
            packets.counted += value;
        } else if let Some(labels) = series.strip_prefix("netanom_packets_ignored_total{reason=\"")
        {
            let reason = labels.trim_end_matches("\"}");
            *packets.ignored.entry(reason.to_owned()).or_default() += value;
        }
    }
    packets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_summed_over_directions_and_kept_apart_by_reason() {
        let page = "# HELP netanom_packets_total Packets.\n\
                    netanom_packets_total{direction=\"egress\",interface=\"lab1\"} 2\n\
                    netanom_packets_total{direction=\"ingress\",interface=\"lab1\"} 40\n\
                    netanom_packets_ignored_total{reason=\"not_ip\"} 5\n\
                    netanom_packets_ignored_total{reason=\"truncated\"} 0\n\
                    netanom_bytes_total{direction=\"ingress\",interface=\"lab1\"} 4000\n";
        let packets = packets(page);
        assert_eq!(
            (packets.counted, packets.ignored(), packets.seen()),
            (42, 5, 47)
        );
        assert_eq!(packets.ignored["not_ip"], 5);
    }

    #[test]
    fn a_taken_port_is_replaced_by_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = address(Some(taken.local_addr().unwrap())).unwrap();
        assert_ne!(free, taken.local_addr().unwrap());
        assert!(TcpListener::bind(free).is_ok());
    }

    #[test]
    fn port_0_becomes_one_that_can_be_asked() {
        let free = address("127.0.0.1:0".parse().ok()).unwrap();
        assert_ne!(free.port(), 0);
    }
}
