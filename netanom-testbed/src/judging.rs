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
