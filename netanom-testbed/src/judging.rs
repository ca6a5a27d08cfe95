//! netanom's pipeline with the built-in model, as a sensor runs it: the one file here that knows how it is made and fed.

use std::sync::Arc;
use std::time::Duration;

use netanom::alert::{Alert, Interfaces};
use netanom::config::Config;
use netanom::detect;
use netanom::flow::{Timestamp, Window};
use netanom::model::Model;
use netanom::pipeline::{Pipeline, PipelineSettings};
use netanom::source::capture::{CapturedPacket, Counting, LinkType, PacketCounter};

/// Makes pipelines that know nothing of each other.
#[derive(Debug)]
pub(crate) struct Judge {
    model: Arc<Model>,
    settings: PipelineSettings,
    tick: Duration,
}

/// An alert that began, changed or ended.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The end of the window that told it, which is when an operator could know.
    pub(crate) at: Timestamp,
    pub(crate) alert: Alert,
}

impl Judge {
    /// With the model inside the program and default settings.
    pub(crate) fn built_in() -> anyhow::Result<Self> {
        let config = Config::default();
        Ok(Self {
            model: Arc::new(Model::built_in()?),
            settings: config.pipeline()?,
            tick: config.tick()?,
        })
    }

    /// The length of a window.
    pub(crate) fn tick(&self) -> Duration {
        self.tick
    }

    /// A pipeline that has seen nothing yet.
    pub(crate) fn pipeline(&self) -> Pipeline {
        Pipeline::new(
            self.settings,
            detect::all(Arc::clone(&self.model)),
            Interfaces::default(),
        )
    }

    /// What a new pipeline tells of Ethernet frames, which are given in the order of time; up to their last window, so
    /// that what goes on is not ended. As of a capture, windows without packets are left out.
    pub(crate) fn replay<'a>(
        &self,
        packets: impl Iterator<Item = (Timestamp, &'a [u8])>,
    ) -> anyhow::Result<Vec<Told>> {
        let tick = self.tick.as_nanos() as u64;
        let mut pipeline = self.pipeline();
        let mut counting = Counting::default();
        let mut told = Vec::new();
        let mut end = 0;
        for (time, bytes) in packets {
            let time = time.as_nanos();
            if time >= end {
                if end > 0 {
                    told.extend(step(&mut pipeline, &mut counting, end - tick, end)?);
                }
                end = time - time % tick + tick;
            }
            counting.add(&CapturedPacket {
                time,
                wire_length: u32::try_from(bytes.len())?,
                link: LinkType::Ethernet,
                bytes,
            })?;
        }
        told.extend(step(
            &mut pipeline,
            &mut counting,
            end.saturating_sub(tick),
            end,
        )?);
        Ok(told)
    }
}

fn step(
    pipeline: &mut Pipeline,
    counting: &mut Counting,
    start: u64,
    end: u64,
) -> anyhow::Result<impl Iterator<Item = Told>> {
    let (flows, ignored) = counting.take()?;
    let at = Timestamp::from_nanos(end);
    let alerts = pipeline.step(&Window {
        start: Timestamp::from_nanos(start),
        end: at,
        flows,
        ignored,
        ..Window::default()
    });
    Ok(alerts.into_iter().map(move |alert| Told { at, alert }))
}

/// An active alert of the attacker on `target`, for tests of what looks at alerts.
#[cfg(test)]
pub(crate) fn alert(id: &str, class: netanom::alert::Class, target: &str) -> Alert {
    use netanom::alert::{Party, Severity, State};
    let party = |ip: &str| Party {
        ip: ip.parse().ok(),
        prefix: None,
        port: None,
        count: 1,
    };
    Alert {
        id: id.to_owned(),
        class,
        severity: Severity::High,
        score: 0.9,
        state: State::Active,
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
        source: party(crate::hosts::ATTACKER),
        target: party(target),
        protocol: "tcp".to_owned(),
        interface: String::new(),
        flows: 1,
        packets: 1,
        bytes: 60,
        detector: "forest".to_owned(),
        summary: String::new(),
        explanation: Vec::new(),
        alternatives: Vec::new(),
        began: None,
        rate: Default::default(),
        attack: Vec::new(),
        suppressed_by: None,
        example_flows: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use netanom::simulate::{CaptureWriter, Mode, Scenario, frames};
    use netanom::source::FlowSource;
    use netanom::source::capture::CaptureSource;

    use super::*;
    use crate::hosts::{ATTACKER, SERVER};

    #[test]
    fn frames_are_judged_as_a_capture_of_them_is() {
        let scenario = Scenario {
            duration: Duration::from_secs(3),
            ..Scenario::new(
                Mode::PortScan,
                ATTACKER.parse().unwrap(),
                SERVER.parse().unwrap(),
            )
        };
        let frames: Vec<_> = frames(&scenario).unwrap().collect();
        let judge = Judge::built_in().unwrap();

        let mut capture = CaptureWriter::new("test".to_owned(), Vec::new()).unwrap();
        for frame in &frames {
            capture.write(frame).unwrap();
        }
        let capture = std::io::Cursor::new(capture.finish().unwrap());
        let mut source = CaptureSource::read(Box::new(capture), judge.tick()).unwrap();
        let mut pipeline = judge.pipeline();
        let mut expected = Vec::new();
        while let Some(window) = source.next_window().unwrap() {
            let alerts = pipeline.step(&window).into_iter();
            expected.extend(alerts.map(|alert| (window.end, alert.class, alert.packets)));
        }

        // A capture has microseconds.
        let micros = |time: Timestamp| Timestamp::from_nanos(time.as_nanos() / 1000 * 1000);
        let packets = frames.iter();
        let packets = packets.map(|frame| (micros(frame.at), frame.bytes.as_slice()));
        let told = judge.replay(packets).unwrap();
        let told: Vec<_> = told
            .into_iter()
            .map(|told| (told.at, told.alert.class, told.alert.packets))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(told, expected);
    }
}
