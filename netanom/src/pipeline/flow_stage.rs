//! The first stage: from windows to rows. Flows are merged, their hosts' past is kept, and a row of features is made of
//! each flow that is due and of each crowd.

use ndarray::Array2;
use netanom_common::packet::protocol;

use super::PipelineSettings;
use crate::alert::{Facts, Memory, Probabilities, Verdict};
use crate::feature::{
    self, Context, Conversations, DueConversation, Features, JudgedFlow, Lately, Records, Seen,
    Subject,
};
use crate::flow::{Crowd, Entry, Flow, FlowTable, Place, Timestamp, Window};

/// What is remembered of an open flow.
#[derive(Debug, Default)]
struct Memo {
    seen: Seen,
    verdict: Option<Verdict>,
    memory: Memory,
    judged_at: Timestamp,
    judged_packets: u64,
    judged_bytes: u64,
    /// What its conversation was last judged to be.
    spoken_for: Option<Probabilities>,
    features: Vec<f32>,
}

/// What is remembered of a conversation.
#[derive(Debug, Default)]
struct Talk {
    shares: Option<Probabilities>,
    memory: Memory,
}

impl Memo {
    /// Takes in the newest verdict and returns what it makes of the flow.
    fn take(&mut self, newest: Verdict) -> Verdict {
        let verdict = self
            .verdict
            .map_or(newest, |before| before.followed_by(newest));
        self.verdict = Some(verdict);
        verdict
    }

    fn is_due(&self, flow: &Flow, now: Timestamp) -> bool {
        self.judged_packets == 0
            || flow.counters.packets() >= 2 * self.judged_packets
            || now.as_nanos() >= self.judged_at.as_nanos() + JUDGE_AGAIN
    }
}

/// A flow is judged again when its packets have doubled, or after so many nanoseconds.
const JUDGE_AGAIN: u64 = 1_000_000_000;

/// Flows, their hosts' past, and the rows that are made of them.
#[derive(Debug)]
pub(super) struct FlowStage {
    table: FlowTable<Memo>,
    context: Context,
    conversations: Conversations<Talk>,
    /// The conversations of the last rows of [`Self::talks`].
    talking: Vec<Place>,
    /// The rows of the conversations that are judged in this window.
    pub(super) talks: Features,
    /// Slots of the flows of the last rows; crowds have none and stand behind them.
    due: Vec<(u32, Records)>,
    /// The rows of the last window.
    pub(super) rows: Features,
    /// Flows that ended in the last window.
    pub(super) ended: Vec<JudgedFlow>,
    pub(super) keeps_features: bool,
    pub(super) only_counts: bool,
}

impl FlowStage {
    pub(super) fn new(settings: &PipelineSettings) -> Self {
        Self {
            table: FlowTable::new(settings.max_flows, settings.timeouts)
                .with_most_unanswered(settings.max_unanswered),
            context: Context::default(),
            conversations: Conversations::default(),
            talking: Vec::new(),
            talks: Features::default(),
            due: Vec::new(),
            rows: Features::default(),
            ended: Vec::new(),
            keeps_features: false,
            only_counts: false,
        }
    }

    /// Counts distinct hosts and ports with this seed from now on.
    pub(super) fn seed(&mut self, seed: u64) {
        self.context = std::mem::take(&mut self.context).seeded(seed);
    }

    /// Takes in a window; [`Self::rows`] and [`Self::ended`] then are what it brought.
    pub(super) fn step(&mut self, window: &Window) {
        let merged = self.table.merge(window);
        self.ended = merged.ended.into_iter().map(judged_flow).collect();
        self.due.clear();
        if self.only_counts {
            return;
        }
        for slot in merged.changed {
            if let Some(entry) = self.table.slot_mut(slot) {
                let (flow, memo) = (&entry.flow, &mut entry.memo);
                let records = self.context.take_in(flow, &mut memo.seen, window.end);
                let talk = self.conversations.take_in(flow, window.end);
                memo.spoken_for = talk.and_then(|talk| talk.shares);
                if memo.is_due(flow, window.end) {
                    self.due.push((slot, records));
                }
            }
        }
        let crowds = Crowd::all(window);
        for crowd in &crowds {
            self.context.take_in_crowd(crowd, window.end);
        }
        self.extract(crowds, window.end);
        self.talk(window.end);
    }

    /// Makes the rows of the conversations that are due.
    fn talk(&mut self, now: Timestamp) {
        let due = self.conversations.take_due(now);
        let mut facts = Vec::with_capacity(due.len());
        let mut values = Vec::with_capacity(due.len() * feature::COLUMNS.len());
        self.talking.clear();
        for talk in due {
            values.extend_from_slice(&talk.row);
            self.talking.push(talk.place);
            let memory = self.conversations.memo(talk.place).memory;
            facts.push(facts_of_conversation(&talk, memory));
        }
        let shape = (facts.len(), feature::COLUMNS.len());
        let rows = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape));
        self.talks = Features { now, rows, facts };
    }

    /// Keeps what judging a conversation said and left behind.
    pub(super) fn remember_talk(&mut self, row: usize, shares: Probabilities, memory: Memory) {
        if let Some(&place) = self.talking.get(row) {
            let talk = self.conversations.memo(place);
            (talk.shares, talk.memory) = (Some(shares), memory);
        }
    }

    /// Ends all flows.
    pub(super) fn end(&mut self) {
        let ended = self.table.end_all();
        self.ended = ended.into_iter().map(judged_flow).collect();
    }

    /// Takes in the newest verdict on a row and returns what it makes of the row's flow.
    pub(super) fn take_verdict(&mut self, row: usize, newest: Verdict) -> Verdict {
        self.memo(row).map_or(newest, |memo| memo.take(newest))
    }

    /// Keeps what judging a row left behind.
    pub(super) fn remember(&mut self, row: usize, memory: Memory) {
        if let Some(memo) = self.memo(row) {
            memo.memory = memory;
        }
    }

    fn memo(&mut self, row: usize) -> Option<&mut Memo> {
        let &(slot, _) = self.due.get(row)?;
        self.table.slot_mut(slot).map(|entry| &mut entry.memo)
    }

    /// Number of open flows.
    pub(super) fn open(&self) -> usize {
        self.table.len()
    }

    /// Flows that were ended early because the table was full.
    pub(super) fn evicted(&self) -> u64 {
        self.table.evicted()
    }

    /// Flows without an answer that are kept at most.
    pub(super) fn most_unanswered(&self) -> usize {
        self.table.most_unanswered()
    }

    /// Those of [`Self::evicted`] that went because too many were unanswered.
    pub(super) fn evicted_unanswered(&self) -> u64 {
        self.table.evicted_unanswered()
    }

    /// Takes the memory that the past of as many hosts as can be takes, of which none is answered.
    pub(super) fn take_memory(&mut self) {
        self.context.take_memory();
    }

    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.table.clear();
        self.context.clear();
        self.conversations.clear();
        self.talking.clear();
        self.talks = Features::default();
        self.due.clear();
        self.rows = Features::default();
        self.ended.clear();
    }

    /// Makes the rows of the flows that are due and of the typical flow of each crowd.
    fn extract(&mut self, crowds: Vec<Crowd>, now: Timestamp) {
        let rows = self.due.len() + crowds.len();
        let mut values = Vec::with_capacity(rows * feature::COUNT);
        let mut facts = Vec::with_capacity(rows);
        self.due.retain(|&(slot, records)| {
            let Some(entry) = self.table.slot_mut(slot) else {
                return false;
            };
            let (flow, memo) = (&entry.flow, &mut entry.memo);
            let context = self.context.of(flow, records, now);
            let row = feature::vector(&Subject { flow, context, now });
            values.extend_from_slice(&row);
            facts.push(facts_of(flow, memo));
            memo.judged_at = now;
            memo.judged_packets = flow.counters.packets();
            memo.judged_bytes = flow.counters.bytes();
            if self.keeps_features {
                memo.features.clear();
                memo.features.extend_from_slice(&row);
            }
            true
        });
        for crowd in crowds {
            let mut source = Lately::default();
            values.extend_from_slice(&feature::vector(&Subject {
                flow: &crowd.typical,
                context: self.context.of_crowd(&crowd, &mut source, now),
                now,
            }));
            facts.push(facts_of_crowd(crowd));
        }
        let shape = (facts.len(), feature::COUNT);
        let rows = Array2::from_shape_vec(shape, values).unwrap_or_else(|_| Array2::zeros(shape));
        self.rows = Features { now, rows, facts };
    }
}

fn judged_flow(entry: Entry<Memo>) -> JudgedFlow {
    JudgedFlow {
        flow: entry.flow,
        features: entry.memo.features,
        verdict: entry.memo.verdict,
    }
}

fn facts_of(flow: &Flow, memo: &Memo) -> Facts {
    Facts {
        key: Some(flow.key),
        initiator: flow.initiator(),
        responder: flow.responder(),
        protocol: flow.protocol(),
        interface: flow.key.interface(),
        first_seen: flow.first_seen(),
        last_seen: flow.last_seen(),
        packets: flow.counters.packets(),
        bytes: flow.counters.bytes(),
        new_packets: flow.counters.packets().saturating_sub(memo.judged_packets),
        new_bytes: flow.counters.bytes().saturating_sub(memo.judged_bytes),
        before: memo.verdict.map(|verdict| verdict.class),
        memory: memo.memory,
        spoken_for: memo.spoken_for,
        conversation: None,
        crowd: None,
    }
}

fn facts_of_conversation(talk: &DueConversation, memory: Memory) -> Facts {
    Facts {
        key: None,
        initiator: talk.client,
        responder: talk.server,
        protocol: protocol::TCP,
        interface: talk.interface,
        first_seen: talk.first_seen,
        last_seen: talk.last_seen,
        // They count with its flows.
        packets: 0,
        bytes: 0,
        new_packets: 0,
        new_bytes: 0,
        before: None,
        memory,
        spoken_for: None,
        conversation: Some(talk.flows),
        crowd: None,
    }
}

/// A crowd is new in each window: its flows had no place in the one before.
fn facts_of_crowd(crowd: Crowd) -> Facts {
    let (flow, counters) = (&crowd.typical, &crowd.counters);
    Facts {
        key: Some(flow.key),
        initiator: flow.initiator(),
        responder: flow.responder(),
        protocol: flow.protocol(),
        interface: flow.key.interface(),
        first_seen: Timestamp::from_nanos(counters.first),
        last_seen: Timestamp::from_nanos(counters.last),
        packets: counters.total.packets,
        bytes: counters.total.bytes,
        new_packets: counters.total.packets,
        new_bytes: counters.total.bytes,
        before: None,
        memory: Memory::default(),
        spoken_for: None,
        conversation: None,
        crowd: Some(Box::new(crowd)),
    }
}
