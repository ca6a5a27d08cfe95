//! What the sensor shows over HTTP: metrics, alerts, health. It reads shared handles and changes nothing.
//!
//! A request's way: [`server`] takes the connection and keeps it within its limits, [`routes`] finds who answers, one
//! file a subject answers, [`reply`] gives the answer its form.

mod alerts;
mod health;
mod index;
mod metrics_page;
mod reply;
mod routes;
mod server;
mod stall;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::net::TcpListener;

pub use health::{Check, Health, Report};

use crate::metrics::Metrics;
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
}

/// Answers requests until `shutdown` comes; then takes no further connection, finishes the requests that are open
/// (5 s at most), and returns.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()>) {
    server::serve(listener, state, server::Limits::default(), shutdown).await;
}
