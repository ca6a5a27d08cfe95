//! What the sensor shows over HTTP: the live page, alerts, traffic, metrics, health. It reads shared handles and changes
//! nothing.
//!
//! A request's way: [`server`] takes the connection, [`places`] and [`stream`] keep it within its limits, [`host`] looks
//! whom it means, [`guard`] who asks, [`routes`] finds who answers, one file a subject answers, [`reply`] gives the answer
//! its form, and [`budget`] bounds what waits to be sent. What happens now comes from [`live`].

mod alerts;
mod body;
mod budget;
mod events;
mod guard;
mod health;
mod host;
mod in_force;
mod live;
mod metrics_page;
mod model;
mod openapi;
mod page;
mod places;
mod predict;
mod query;
mod reply;
mod routes;
mod segment;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod traffic;

use std::sync::Arc;

use tokio::net::TcpListener;

pub use guard::{Access, Token};
pub use health::{Check, Health, Readiness};
pub use in_force::{InForce, Settings};
pub use live::{Live, Reporter, Tick};
pub use tls::{Tls, TlsError};

use crate::metrics::Metrics;
use crate::model::Model;
use crate::sink::store::AlertStore;

/// What the answers are made of.
#[derive(Clone)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For `/alerts`.
    pub alerts: AlertStore,
    /// For `/readyz`.
    pub health: Health,
    /// What happens now.
    pub live: Live,
    /// For `/model` and `/predict`.
    pub model: Arc<Model>,
    /// What can change while the sensor runs.
    pub settings: Settings,
    /// For HTTPS.
    pub tls: Option<Tls>,
}

/// Answers requests until `shutdown` comes; then takes no further connection, finishes the requests that are open
/// (5 s at most), and returns.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()>) {
    server::serve(listener, state, server::Limits::default(), shutdown).await;
}
