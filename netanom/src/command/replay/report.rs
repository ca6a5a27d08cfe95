//! What a replay found: the object that `--format json` prints.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::alert::{Alert, Class, NearMiss};
use crate::feature::JudgedFlow;
use crate::flow::{Timestamp, Window};
use crate::pipeline::Pipeline;
use crate::sink::flows::FlowWriter;
use crate::source::capture::{CaptureSource, Unread};

/// Everything but `elapsed_seconds` is the same for every replay of the same captures.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) flows: u64,
    pub(super) accounting: Accounting,
    /// Packets that were earlier than one before them.
    pub(super) out_of_order: u64,
    /// Flows that were ended early because the flow table was full.
    pub(super) evicted: u64,
    /// Where captures could not be read on.
    pub(super) unread: Vec<Unread>,
    /// Flows by their last verdict.
    pub(super) verdicts: BTreeMap<&'static str, u64>,
    /// The last state of each alert, in the order in which they were raised.
    pub(super) alerts: Vec<Alert>,
    /// The cases that came nearest to an alert and raised none.
    pub(super) near_misses: Vec<NearMiss>,
    pub(super) elapsed_seconds: f64,
    #[serde(skip)]
    pub(super) is_judged: bool,
    /// First and last packet that is in a flow.
    #[serde(skip)]
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Where each alert stands.
    #[serde(skip)]
    places: HashMap<String, usize>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Accounting {
    pub(super) counted: u64,
    pub(super) ignored: BTreeMap<&'static str, u64>,
}

impl Report {
    /// With every class at 0 when flows are judged.
    pub(super) fn new(is_judged: bool) -> Self {
        let classes = Class::ALL.into_iter().filter(|_| is_judged);
        Self {
            verdicts: classes.map(|class| (class.name(), 0)).collect(),
            is_judged,
            ..Self::default()
        }
    }

    pub(super) fn count(&mut self, window: &Window) {
        for (_, counters) in &window.flows {
            self.accounting.counted += counters.packets();
            self.packets += counters.packets();
            self.bytes += counters.bytes();
        }
        for (reason, tally) in window.ignored.iter() {
            *self.accounting.ignored.entry(reason.name()).or_default() += tally.packets;
            self.packets += tally.packets;
            self.bytes += tally.bytes;
        }
    }

    pub(super) fn take_alerts(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            if let Some(&place) = self.places.get(&alert.id) {
                self.alerts[place] = alert;
            } else {
                self.places.insert(alert.id.clone(), self.alerts.len());
                self.alerts.push(alert);
            }
        }
    }

    pub(super) fn take_flows(
        &mut self,
        finished: &[JudgedFlow],
        mut writer: Option<&mut FlowWriter>,
    ) -> anyhow::Result<()> {
        for flow in finished {
            self.flows += 1;
            let (first, last) = (flow.flow.first_seen(), flow.flow.last_seen());
            let (begin, end) = self.span.unwrap_or((first, last));
            self.span = Some((begin.min(first), end.max(last)));
            if let Some(verdict) = flow.verdict {
                *self.verdicts.entry(verdict.class.name()).or_default() += 1;
            }
            if let Some(writer) = &mut writer {
                writer.write(flow)?;
            }
        }
        Ok(())
    }

    /// What the source and the pipeline counted by themselves.
    pub(super) fn take_reading<C>(&mut self, source: &CaptureSource<C>, pipeline: &Pipeline) {
        self.out_of_order = source.out_of_order();
        self.unread = source.unread().to_vec();
        self.evicted = pipeline.evicted();
        self.near_misses = pipeline.near_misses();
    }
}
