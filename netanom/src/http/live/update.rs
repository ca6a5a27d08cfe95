//! What those who listen are told, at most four times a second.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::flows::FlowView;
use super::tick::{Row, Tick};
use crate::alert::{Alert, Class, State};
use crate::flow::Timestamp;

/// Nanoseconds between two updates at least.
const APART: u64 = 250_000_000;
/// Flows of an update: as many points as a person can tell apart on a chart in that time.
const MOST_FLOWS: usize = 200;
/// Alerts of an update; what begins or ends comes first.
const MOST_ALERTS: usize = 16;

/// News, its parts as JSON but for the alerts, which a client may not want all of.
#[derive(Debug)]
pub(in crate::http) struct Update {
    /// Counts updates; a gap shows that some were missed.
    pub(in crate::http) number: u64,
    pub(in crate::http) traffic: String,
    pub(in crate::http) flows: String,
    pub(in crate::http) alerts: Vec<Arc<Alert>>,
}

/// Traffic since the update before.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Traffic {
    /// The end of it.
    #[schema(value_type = String, format = DateTime)]
    pub(super) time: Timestamp,
    /// Its length.
    pub(super) seconds: f64,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// Packets in no flow.
    pub(super) ignored: u64,
    pub(super) open_flows: usize,
    /// Flows judged for the first time, and those of them judged an attack.
    pub(super) flows: u64,
    pub(super) anomalous: u64,
    /// How unlike normal traffic its flows were, in the mean; `null` when none was judged.
    pub(super) score: Option<f64>,
    /// Judged flows that are not in the sample.
    pub(super) left_out: u64,
}

/// What has gathered since the last update.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    number: u64,
    began: Option<Timestamp>,
    packets: u64,
    bytes: u64,
    ignored: u64,
    flows: u64,
    anomalous: u64,
    anomaly: (u64, f64),
    rows: Vec<Row>,
    left_out: u64,
    alerts: Vec<(bool, Arc<Alert>)>,
}

impl Gathering {
    /// The update, when it is time for one.
    pub(super) fn take_in(&mut self, tick: &Tick) -> Option<Update> {
        let began = *self.began.get_or_insert(tick.start);
        self.packets += tick.packets;
        self.bytes += tick.bytes;
        self.ignored += tick.ignored;
        let flows: u64 = tick.judged.iter().sum();
        self.flows += flows;
        self.anomalous += flows - tick.judged[Class::Normal as usize];
        self.anomaly.0 += tick.anomaly.0;
        self.anomaly.1 += tick.anomaly.1;
        self.left_out += tick.left_out;
        self.take_rows(&tick.rows);
        for (is_new, alert) in &tick.alerts {
            self.take_alert(*is_new, alert);
        }
        (tick.end.since(began).as_nanos() >= u128::from(APART)).then(|| self.update(tick))
    }

    /// An even sample, of attacks and of the others half each where there are more than can be shown.
    fn take_rows(&mut self, rows: &[Row]) {
        let room = MOST_FLOWS.saturating_sub(self.rows.len());
        let (normal, attacks): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| row.class == Class::Normal);
        let of_attacks = attacks
            .len()
            .min((room / 2).max(room.saturating_sub(normal.len())));
        let of_normal = normal.len().min(room - of_attacks);
        for (rows, wanted) in [(attacks, of_attacks), (normal, of_normal)] {
            let picked = (0..wanted).map(|n| *rows[n * rows.len() / wanted.max(1)]);
            self.rows.extend(picked);
            self.left_out += (rows.len() - wanted) as u64;
        }
    }

    fn take_alert(&mut self, is_new: bool, alert: &Arc<Alert>) {
        if let Some((was_new, known)) = self
            .alerts
            .iter_mut()
            .find(|(_, known)| known.id == alert.id)
        {
            *was_new |= is_new;
            *known = Arc::clone(alert);
        } else {
            self.alerts.push((is_new, Arc::clone(alert)));
        }
    }

    fn update(&mut self, tick: &Tick) -> Update {
        let mut gathered = std::mem::take(self);
        self.number = gathered.number + 1;
        self.began = Some(tick.end);
        let began = gathered.began.unwrap_or(tick.start);
        let (judged, anomaly) = gathered.anomaly;
        let traffic = Traffic {
            time: tick.end,
            seconds: tick.end.since(began).as_secs_f64(),
            packets: gathered.packets,
            bytes: gathered.bytes,
            ignored: gathered.ignored,
            open_flows: tick.open_flows,
            flows: gathered.flows,
            anomalous: gathered.anomalous,
            score: (judged > 0).then(|| anomaly / judged as f64),
            left_out: gathered.left_out,
        };
        let flows: Vec<FlowView> = gathered.rows.iter().map(Row::view).collect();
        gathered
            .alerts
            .sort_by_key(|(is_new, alert)| !(*is_new || alert.state == State::Ended));
        gathered.alerts.truncate(MOST_ALERTS);
        Update {
            number: self.number,
            // Numbers and text: writing them cannot fail.
            traffic: serde_json::to_string(&traffic).unwrap_or_default(),
            flows: serde_json::to_string(&flows).unwrap_or_default(),
            alerts: gathered
                .alerts
                .into_iter()
                .map(|(_, alert)| alert)
                .collect(),
        }
    }
}
