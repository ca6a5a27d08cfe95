//! How far client, tap and server are from each other, and what happens on the way.

use std::time::Duration;

use rand::RngExt;

use super::chance::{self, Rng};

/// Time in which a client beside the tap answers.
const BESIDE: Duration = Duration::from_micros(60);

/// The path between client, tap and server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// From the tap to the client and back.
    pub(super) near: Duration,
    /// From the tap to the server and back.
    pub(super) round_trip: Duration,
    /// Deviation of the logarithm of the way to the server and back.
    pub(super) jitter: f64,
    /// Time between two full segments of a burst.
    pub(super) spacing: Duration,
    /// Part of the data segments that are lost behind the tap.
    pub(super) loss: f64,
    /// Full segments that the tap shows as one, as segmentation offload does; 1 on a wire.
    pub(super) merged: u32,
}

impl Path {
    /// On one switched network of 1 Gbit/s.
    pub(super) fn local(rng: &mut Rng) -> Self {
        let round_trip = chance::time(rng, Duration::from_micros(250), 0.4);
        Self {
            near: BESIDE,
            round_trip,
            jitter: 0.05,
            spacing: Duration::from_micros(13),
            loss: 0.0,
            merged: 1,
        }
    }

    /// Through an office's Internet line.
    pub(super) fn internet(rng: &mut Rng) -> Self {
        Self {
            near: BESIDE,
            round_trip: chance::time(rng, Duration::from_millis(25), 0.7),
            jitter: 0.05,
            merged: 1,
            spacing: chance::time(rng, Duration::from_micros(200), 0.6),
            loss: if rng.random_bool(0.2) { 0.01 } else { 0.0005 },
        }
    }
}
