//! The settings of flows and alerts, checked.

use std::time::Duration;

use super::ranges::within;
use super::{Config, ConfigError};
use crate::alert::IncidentSettings;
use crate::flow::FlowTimeouts;
use crate::model::Evidence;
use crate::pipeline::PipelineSettings;

/// The longest time that can be asked for, in seconds: a year.
const YEAR: u64 = 31_536_000;

impl Config {
    /// [`Self::pipeline_for`] a model that says nothing of evidence.
    ///
    /// # Errors
    /// As there.
    pub fn pipeline(&self) -> Result<PipelineSettings, ConfigError> {
        self.pipeline_for(&Evidence::default())
    }

    /// How the pipeline keeps flows and incidents; what the file does not say of evidence, the model may.
    ///
    /// # Errors
    /// [`ConfigError::Value`] when a value is out of range.
    pub fn pipeline_for(&self, of_model: &Evidence) -> Result<PipelineSettings, ConfigError> {
        let flows = &self.flows;
        within(
            "flows.max",
            flows.max,
            1..=10_000_000,
            "between 1 and 10000000",
        )?;
        within(
            "flows.unanswered",
            flows.unanswered,
            1024..=1_000_000,
            "between 1024 and 1000000",
        )?;
        for (key, seconds) in [
            ("flows.tcp_idle", flows.tcp_idle),
            ("flows.tcp_opening", flows.tcp_opening),
            ("flows.tcp_closed", flows.tcp_closed),
            ("flows.udp_idle", flows.udp_idle),
            ("flows.icmp_idle", flows.icmp_idle),
            ("flows.other_idle", flows.other_idle),
            ("flows.active", flows.active),
            ("alerts.quiet", self.alerts.quiet),
        ] {
            within(key, seconds, 1..=YEAR, "between 1 and 31536000 (a year)")?;
        }
        let evidence = self.alerts.evidence(of_model)?;
        Ok(PipelineSettings {
            max_flows: flows.max,
            max_unanswered: flows.unanswered,
            timeouts: FlowTimeouts {
                tcp: Duration::from_secs(flows.tcp_idle),
                tcp_opening: Duration::from_secs(flows.tcp_opening),
                tcp_closed: Duration::from_secs(flows.tcp_closed),
                udp: Duration::from_secs(flows.udp_idle),
                icmp: Duration::from_secs(flows.icmp_idle),
                other: Duration::from_secs(flows.other_idle),
                active: Duration::from_secs(flows.active),
            },
            incidents: IncidentSettings {
                evidence,
                quiet: Duration::from_secs(self.alerts.quiet),
                ..IncidentSettings::default()
            },
        })
    }
}
