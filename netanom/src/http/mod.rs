//! What the sensor shows over HTTP: metrics, alerts, health. It reads shared handles and changes nothing.
//!
//! A request's way: [`server`] takes the connection, [`places`] and [`stream`] keep it within its limits, [`host`] looks
//! whom it means, [`routes`] finds who answers, one file a subject answers, [`reply`] gives the answer its form, and
//! [`budget`] bounds what waits to be sent.

mod alerts;
mod budget;
mod health;
mod host;
mod index;
mod metrics_page;
mod places;
mod reply;
mod routes;
mod server;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::net::TcpListener;

pub use health::{Check, Health, Readiness};

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
    /// Names by which the sensor may be asked, beside those of the loopback.
    pub hosts: Vec<String>,
}

/// Answers requests until `shutdown` comes; then takes no further connection, finishes the requests that are open
/// (5 s at most), and returns.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()>) {
    server::serve(listener, state, server::Limits::default(), shutdown).await;
}
