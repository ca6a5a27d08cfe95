//! What an alert says in one sentence.

use super::Class;
use super::case::{Anchor, Case, Key};

impl Case {
    /// What it is, who does it, and whom it concerns; a detector's own words where it has some.
    pub(super) fn summary(&self, key: Key) -> String {
        if let Some(sentence) = &self.sentence {
            return sentence.clone();
        }
        let (who, whom) = (self.who(key), self.whom(key));
        let flows = counted(self.flows, "flow");
        let rate = self.size().packet_rate;
        match (key.anchor, key.class) {
            (Anchor::Rest, class) => format!(
                "more than can be told one by one, {class} for the most part: {who} did so to {whom} in {flows}"
            ),
            (_, Class::PortScan) => {
                format!(
                    "{who} tried {} of {whom} with {flows}",
                    self.targets.ports_text()
                )
            }
            (_, Class::BruteForce) => format!(
                "{who} tried to log in to {whom} {}",
                counted(self.flows, "time")
            ),
            (_, Class::SlowHttp) => format!(
                "{who} keeps {} open at {whom}",
                counted(self.flows, "unfinished request")
            ),
            (_, class) => {
                format!("{class}: {who} sent {whom} {rate:.0} packets a second in {flows}")
            }
        }
    }

    fn who(&self, key: Key) -> String {
        match (key.anchor, self.sources.host()) {
            (_, Some(ip)) => ip.to_string(),
            (Anchor::Sources(prefix), None) => {
                format!(
                    "{} of {prefix}",
                    counted(self.sources.hosts() as u64, "host")
                )
            }
            (_, None) => counted(self.sources.hosts() as u64, "host"),
        }
    }

    fn whom(&self, key: Key) -> String {
        match (key.anchor, self.targets.host()) {
            (_, Some(ip)) => ip.to_string(),
            (Anchor::Targets(prefix), None) => {
                format!(
                    "{} of {prefix}",
                    counted(self.targets.hosts() as u64, "host")
                )
            }
            (_, None) => counted(self.targets.hosts() as u64, "host"),
        }
    }
}

/// `1 flow`, `2 flows`.
fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
