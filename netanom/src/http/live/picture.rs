//! The picture itself: sums, series, flows and hosts of late.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use super::flows::{FlowView, FlowsPage, FlowsQuery, RecentFlows};
use super::hosts::{HostView, Hosts, Role};
use super::series::{Series, Slice};
use super::tick::Tick;
use super::update::{Gathering, Update};
use crate::alert::{CLASSES, Class, NearMiss};
use crate::flow::{Timestamp, protocol_name};

/// Flows of each kind that are remembered.
const MOST_FLOWS: usize = 2000;
/// Protocols that are told apart; what comes beyond is `other`.
const MOST_PROTOCOLS: usize = 16;
/// A flow without a packet for so many nanoseconds is not busy.
const BUSY: u64 = 5_000_000_000;

/// Everything since the sensor began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Totals {
    /// Packets, those in no flow too.
    pub packets: u64,
    /// Their frame bytes.
    pub bytes: u64,
    /// Packets in no flow.
    pub ignored: u64,
    /// Flows that were judged.
    pub flows: u64,
    /// Flows that are open.
    pub open_flows: usize,
    /// Hosts that are remembered.
    pub hosts: usize,
    /// Flows by what they were judged to be the first time.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// What was judged, by protocol.
    pub protocols: BTreeMap<String, Role>,
}

/// What happened of late.
#[derive(Debug)]
pub struct Picture {
    began: Option<Timestamp>,
    now: Timestamp,
    packets: u64,
    bytes: u64,
    ignored: u64,
    open_flows: usize,
    verdicts: [u64; CLASSES],
    protocols: BTreeMap<u8, Role>,
    seconds: Series,
    minutes: Series,
    hours: Series,
    normal: RecentFlows,
    attacks: RecentFlows,
    hosts: Hosts,
    near_misses: Vec<NearMiss>,
    gathering: Gathering,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            began: None,
            now: Timestamp::default(),
            packets: 0,
            bytes: 0,
            ignored: 0,
            open_flows: 0,
            verdicts: [0; CLASSES],
            protocols: BTreeMap::new(),
            seconds: Series::new(1, 300),
            minutes: Series::new(60, 24 * 60),
            hours: Series::new(3600, 7 * 24),
            normal: RecentFlows::new(MOST_FLOWS),
            attacks: RecentFlows::new(MOST_FLOWS),
            hosts: Hosts::default(),
            near_misses: Vec::new(),
            gathering: Gathering::default(),
        }
    }
}

impl Picture {
    /// Takes in what a window brought; the news, when it is time for them.
    pub(super) fn take_in(&mut self, tick: Tick) -> Option<Update> {
        self.began.get_or_insert(tick.start);
        self.now = self.now.max(tick.end);
        self.packets += tick.packets;
        self.bytes += tick.bytes;
        self.ignored += tick.ignored;
        self.open_flows = tick.open_flows;
        for (sum, flows) in self.verdicts.iter_mut().zip(tick.judged) {
            *sum += flows;
        }
        let slice = slice_of(&tick);
        for series in [&mut self.seconds, &mut self.minutes, &mut self.hours] {
            series.add(&slice);
        }
        for row in &tick.rows {
            let (of, other) = if row.class == Class::Normal {
                (&mut self.normal, &mut self.attacks)
            } else {
                (&mut self.attacks, &mut self.normal)
            };
            other.forget(&row.id);
            of.put(*row, tick.end);
            self.hosts.take_in(row, tick.end);
            // 255 is reserved (IANA, protocol numbers), so it can stand for what is left.
            let is_known = self.protocols.contains_key(&row.id.protocol);
            let is_room = is_known || self.protocols.len() < MOST_PROTOCOLS;
            let protocol = if is_room { row.id.protocol } else { 255 };
            let sum = self.protocols.entry(protocol).or_default();
            sum.packets += row.new_packets;
            sum.bytes += row.new_bytes;
            sum.flows += if row.is_new { row.flows } else { 0 };
        }
        let update = self.gathering.take_in(&tick);
        self.near_misses = tick.near_misses;
        update
    }

    /// When the first window began.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.began
    }

    /// The end of the last window.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sums since the sensor began.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let verdicts = Class::ALL.iter().zip(self.verdicts);
        Totals {
            packets: self.packets,
            bytes: self.bytes,
            ignored: self.ignored,
            flows: self.verdicts.iter().sum(),
            open_flows: self.open_flows,
            hosts: self.hosts.len(),
            verdicts: verdicts
                .map(|(class, flows)| (class.name(), flows))
                .collect(),
            protocols: self
                .protocols
                .iter()
                .map(|(number, sum)| {
                    let name = match number {
                        255 => "other".to_owned(),
                        number => protocol_name(*number),
                    };
                    (name, *sum)
                })
                .collect(),
        }
    }

    /// The last five minutes by the second.
    #[must_use]
    pub fn seconds(&self) -> Vec<Slice> {
        self.seconds.all()
    }

    /// The last day by the minute.
    #[must_use]
    pub fn minutes(&self) -> Vec<Slice> {
        self.minutes.all()
    }

    /// The last week by the hour.
    #[must_use]
    pub fn hours(&self) -> Vec<Slice> {
        self.hours.all()
    }

    /// The hour that goes on.
    #[must_use]
    pub fn this_hour(&self) -> Option<Slice> {
        self.hours.last()
    }

    /// Puts the hours of an earlier run before those of this one.
    pub fn restore_hours(&mut self, earlier: Vec<Slice>) {
        self.hours.restore(earlier);
    }

    /// Flows judged normal, newest first.
    #[must_use]
    pub fn normal(&self, query: &FlowsQuery) -> FlowsPage {
        self.normal.page(query)
    }

    /// Flows with the most bytes a second now.
    #[must_use]
    pub fn busiest(&self, query: &FlowsQuery) -> FlowsPage {
        let since = Timestamp::from_nanos(self.now.as_nanos().saturating_sub(BUSY));
        let both = [&self.normal, &self.attacks];
        let mut flows: Vec<FlowView> = both
            .iter()
            .flat_map(|recent| recent.since(since, query))
            .collect();
        flows.sort_by(|a, b| b.bytes_per_second.total_cmp(&a.bytes_per_second));
        let total = flows.len();
        flows.truncate(query.limit);
        FlowsPage {
            flows,
            next: None,
            total,
        }
    }

    /// Flows of a host, normal or not, newest first.
    #[must_use]
    pub fn flows_of(&self, ip: IpAddr, most: usize) -> Vec<FlowView> {
        let query = FlowsQuery {
            host: Some(ip),
            limit: most,
            ..FlowsQuery::default()
        };
        let mut flows = self.attacks.page(&query).flows;
        flows.extend(self.normal.page(&query).flows);
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.last_seen));
        flows.truncate(most);
        flows
    }

    /// Flows of a host that are judged an attack, newest first.
    #[must_use]
    pub fn attacks_of(&self, ip: IpAddr, most: usize) -> FlowsPage {
        self.attacks.page(&FlowsQuery {
            host: Some(ip),
            limit: most,
            ..FlowsQuery::default()
        })
    }

    /// What is known of a host.
    #[must_use]
    pub fn host(&self, ip: IpAddr) -> Option<HostView> {
        self.hosts.of(ip, self.now)
    }

    /// Hosts with the most bytes of late.
    #[must_use]
    pub fn busiest_hosts(&self, most: usize) -> Vec<HostView> {
        self.hosts.busiest(most, self.now)
    }

    /// The cases that came nearest to an alert and raised none.
    #[must_use]
    pub fn near_misses(&self) -> &[NearMiss] {
        &self.near_misses
    }
}

fn slice_of(tick: &Tick) -> Slice {
    let flows: u64 = tick.judged.iter().sum();
    let (judgements, anomaly) = tick.anomaly;
    Slice {
        time: tick.start,
        packets: tick.packets,
        bytes: tick.bytes,
        flows,
        anomalous: flows - tick.judged[Class::Normal as usize],
        alerts: tick.alerts.iter().filter(|(is_new, _)| *is_new).count() as u64,
        score: if judgements > 0 {
            anomaly / judgements as f64
        } else {
            0.0
        },
        judgements,
    }
}
