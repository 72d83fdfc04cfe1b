//! What is counted, for Prometheus. No name of a person or a record is in it.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// Seconds that answers take, in steps.
const SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    decisions: Family<Labels, Counter>,
    answers: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    pub(crate) at_once: Gauge,
    pub(crate) version: Gauge<u64, AtomicU64>,
    pub(crate) generation: Gauge<u64, AtomicU64>,
    pub(crate) tick: Gauge<u64, AtomicU64>,
    reloads: Family<Labels, Counter>,
    posts: Family<Labels, Counter>,
    pub(crate) statements: Gauge<u64, AtomicU64>,
    pub(crate) rows: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Metrics {
            registry: Registry::default(),
            decisions: Family::default(),
            answers: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            at_once: Gauge::default(),
            version: Gauge::default(),
            generation: Gauge::default(),
            tick: Gauge::default(),
            reloads: Family::default(),
            posts: Family::default(),
            statements: Gauge::default(),
            rows: Gauge::default(),
        };
        let all = &mut metrics.registry;
        all.register("caseward_decisions", "Decisions, by action and outcome", metrics.decisions.clone());
        all.register("caseward_answers", "Answers, by route and status", metrics.answers.clone());
        all.register("caseward_answer_seconds", "How long answers took", metrics.seconds.clone());
        all.register("caseward_requests_at_once", "Requests being answered", metrics.at_once.clone());
        all.register("caseward_data_version", "The version of the data", metrics.version.clone());
        all.register(
            "caseward_policy_generation",
            "How often policies were put in force",
            metrics.generation.clone(),
        );
        all.register(
            "caseward_store_tick_seconds",
            "When the store last applied what is due, in seconds since 1970",
            metrics.tick.clone(),
        );
        all.register("caseward_reloads", "Files that were read again, by outcome", metrics.reloads.clone());
        all.register("caseward_webhook_posts", "Alerts posted, by target and outcome", metrics.posts.clone());
        all.register(
            "caseward_store_statements",
            "What the store's database was asked since it was opened",
            metrics.statements.clone(),
        );
        all.register("caseward_store_rows", "Rows that it gave", metrics.rows.clone());
        metrics
    }

    /// Decisions of one outcome. `action` is one of the schema's, so that callers cannot make names up.
    pub(crate) fn decided(&self, action: &str, is_allowed: bool, count: u64) {
        let outcome = if is_allowed { "allow" } else { "deny" };
        self.decisions
            .get_or_create(&vec![("action", action.to_owned()), ("outcome", outcome.to_owned())])
            .inc_by(count);
    }

    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        let labels = vec![("route", route.to_owned()), ("status", status.to_string())];
        self.answers.get_or_create(&labels).inc();
        self.seconds.get_or_create(&vec![("route", route.to_owned())]).observe(took.as_secs_f64());
    }

    pub(crate) fn reloaded(&self, what: &'static str, is_taken: bool) {
        let outcome = if is_taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&vec![("what", what.to_owned()), ("outcome", outcome.to_owned())]).inc();
    }

    /// A post of an alert to a target.
    pub(crate) fn posted(&self, target: &str, is_taken: bool) {
        let outcome = if is_taken { "taken" } else { "refused" };
        let labels = vec![("target", target.to_owned()), ("outcome", outcome.to_owned())];
        self.posts.get_or_create(&labels).inc();
    }

    /// The text format of Prometheus.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // A text takes whatever is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
