//! Spans of what is answered, by `tracing`; and, with the feature `otel`, their export to a collector of OpenTelemetry.
//!
//! INVARIANT: nothing that a caller chooses is in a span, and so no name of a person or a record: a route is told by its template,
//! a method by those that there are.

use axum::http::{Method, StatusCode};
use tracing::Span;
use tracing::field::Empty;

/// What spans of this crate have for a target, whichever of its modules makes them.
const TARGET: &str = "caseward_http";

/// The span of a request.
pub(crate) fn request(method: &Method, route: &str) -> Span {
    let method = known(method);
    tracing::info_span!(
        target: TARGET,
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    )
}

/// How a request was answered.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

/// The span of a part of an answer: what the engine works out, or what the store's writer does.
pub(crate) fn part(name: &'static str) -> Span {
    tracing::info_span!(target: TARGET, "part", otel.name = name)
}

/// A method that there is: callers can make others up.
fn known(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH" | "CONNECT" | "TRACE") => {
            known
        }
        _ => "_OTHER",
    }
}

#[cfg(feature = "otel")]
pub(crate) use export::{Exporting, of_caller};

#[cfg(feature = "otel")]
mod export {
    use std::time::Duration;

    use async_trait::async_trait;
    use axum::body::{Body, Bytes};
    use axum::http::{HeaderMap, Request, Response};
    use opentelemetry::propagation::TextMapPropagator as _;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
    use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tokio::runtime::Handle;
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::TARGET;
    use crate::error::Error;
    use crate::fetch;
    use crate::settings::Traces;

    /// How long the collector may take.
    const TIME: Duration = Duration::from_secs(10);

    /// The export, which ends with what is left when it is ended.
    pub(crate) struct Exporting(SdkTracerProvider);

    impl Exporting {
        /// Exports the spans of this process, over connections of this runtime.
        ///
        /// # Errors
        /// [`Error::Settings`] where the process has another subscriber already, and for what the exporter refuses.
        pub(crate) fn begin(settings: &Traces, runtime: Handle) -> Result<Self, Error> {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(Client(runtime))
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(settings.endpoint.as_str())
                .with_timeout(TIME)
                .build()
                .map_err(|error| Error::settings(format!("traces: {error}")))?;
            let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.ratio)));
            let provider = SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_sampler(sampler)
                .with_resource(Resource::builder().with_service_name(settings.name.clone()).build())
                .build();
            let ours = filter_fn(|about| about.target() == TARGET);
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(TARGET)).with_filter(ours);
            tracing_subscriber::registry()
                .with(layer)
                .try_init()
                .map_err(|error| Error::settings(format!("traces: {error}")))?;
            Ok(Exporting(provider))
        }

        /// Hands over what is left; it waits.
        pub(crate) fn end(self) {
            // What the collector does not take now is lost: nobody is there to hear of it.
            let _ = self.0.shutdown_with_timeout(TIME);
        }
    }

    /// Makes a span part of the trace that a caller names (`traceparent`), if it does.
    pub(crate) fn of_caller(span: &Span, headers: &HeaderMap) {
        let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Refused where nobody exports.
        let _ = span.set_parent(context);
    }

    /// What the exporter sends by: its own thread has no runtime.
    #[derive(Debug)]
    struct Client(Handle);

    #[async_trait]
    impl HttpClient for Client {
        async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let sent = self.0.spawn(async move {
                let address = request.uri().to_string();
                fetch::exchange(&address, request.map(Body::from), TIME).await
            });
            Ok(sent.await??)
        }
    }
}
