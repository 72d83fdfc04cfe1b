#![doc = include_str!("../README.md")]

mod app;
mod authzen;
mod body;
mod bundle;
mod cases;
mod demo;
mod error;
mod fetch;
mod hooks;
mod json;
mod metrics;
mod openapi;
mod problem;
mod prompt;
mod ready;
mod reload;
mod router;
mod serve;
mod settings;
mod time;
mod tls;
mod traces;
mod turns;
mod who;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use caseward::Live;
use caseward_store::Store;
use tokio::net::TcpListener;

use crate::app::{App, Backing};
pub use crate::demo::demo_store;
pub use crate::error::Error;
pub use crate::settings::{AuthZen, Bundle, Jwt, Limits, Reports, Settings, Tls, Traces, Webhook};
pub use crate::who::keys::{Right, new_key};

/// A service over policies and data, ready to be served, or to be mounted. Cloning shares it.
///
/// # Example
/// ```
/// use caseward::{Live, Ward, WorldBuilder};
/// use caseward_http::{Service, Settings};
///
/// let ward = Ward::attendance()?;
/// let world = WorldBuilder::new(ward.schema()).finish()?;
/// let settings = Settings::read("development = true", [])?;
/// let service = Service::over_world(Live::new(ward, world)?, settings)?;
/// let router: axum::Router = axum::Router::new().nest("/who", service.router());
/// # let _ = router;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Service {
    app: App,
}

/// A service whose addresses are taken.
pub struct Bound {
    app: App,
    listener: TcpListener,
    metrics: Option<TcpListener>,
}

impl Service {
    /// Over policies, and data that was read from a file: evaluations, searches, and records as people see them. Commands,
    /// files, streams and the audit need a store.
    ///
    /// # Errors
    /// [`Error::Settings`] for settings that do not go together; [`Error::File`] for keys that cannot be used.
    pub fn over_world(live: Live, settings: Settings) -> Result<Self, Error> {
        Self::over(Backing::World(live), settings)
    }

    /// Over a store: whatever it can be asked. One in PostgreSQL is opened outside an async runtime, or on a thread of it that may
    /// wait (`spawn_blocking`): its client waits.
    ///
    /// # Errors
    /// As [`Service::over_world`].
    pub fn over_store(store: Store, settings: Settings) -> Result<Self, Error> {
        Self::over(Backing::Store(store), settings)
    }

    fn over(backing: Backing, settings: Settings) -> Result<Self, Error> {
        let app = App::new(backing, settings, Arc::new(|_| {}))?;
        app.tick();
        app.look_whether_written();
        Ok(Service { app })
    }

    /// The same, and this is told what happens to it, a line each: files that were read again, what a store could not do. No
    /// name of a person or a record is in it. It is for a service that was not shared yet.
    #[must_use]
    pub fn noting(self, notes: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Service { app: self.app.noting(Arc::new(notes)) }
    }

    /// The same by another clock than the machine's, in milliseconds since 1970: for tests. It is for a service that was not
    /// shared yet. A store has a clock of its own.
    #[must_use]
    pub fn at(self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Service { app: self.app.with_clock(Arc::new(clock)) }
    }

    /// Every route, to be mounted.
    pub fn router(&self) -> Router {
        router::router(&self.app)
    }

    /// The route of the metrics, to be mounted where nobody reaches it from outside.
    pub fn metrics(&self) -> Router {
        router::metrics(&self.app)
    }

    /// Whether nobody can ask anything: there is no key, no issuer of tokens, and it is not for development.
    pub fn is_open_to_nobody(&self) -> bool {
        self.app.who.is_open_to_nobody()
    }

    /// Reads keys, policies and certificates again, as [`Bound::serve`] does by itself when the files change. Where anything is wrong with
    /// them, those that were in force stay, and it is noted.
    pub fn reload(&self) {
        reload::reload_keys(&self.app);
        reload::reload_policies(&self.app);
        tls::reload(&self.app);
    }

    /// Reads keys and policies again when their files change, fetches the issuer's keys, and has a store apply what is due,
    /// again and again: for whoever mounts the routes. [`Bound::serve`] does it by itself. It does not end.
    pub fn keep(&self) -> impl Future<Output = ()> + Send + 'static {
        reload::keep(self.app.clone())
    }

    /// The text of OpenAPI 3.1.
    pub fn openapi() -> String {
        openapi::document()
    }

    /// Takes the addresses of the settings.
    ///
    /// # Errors
    /// [`Error::Network`] for an address that cannot be taken; [`Error::File`] for a certificate that cannot be used;
    /// [`Error::Settings`] where policies come from an address, and neither it nor what was kept of it has any.
    pub async fn bind(self) -> Result<Bound, Error> {
        let settings = &self.app.settings;
        if let Some(tls) = &settings.tls {
            let read = tls::Certificates::new(tls)?;
            self.app.tls.get_or_init(|| read);
        }
        bundle::begin(&self.app).await?;
        let listener = serve::bind(settings.listen).await?;
        if let Ok(at) = listener.local_addr() {
            self.app.bound.get_or_init(|| at);
        }
        let metrics = match settings.metrics {
            Some(at) => Some(serve::bind(at).await?),
            None => None,
        };
        Ok(Bound { app: self.app, listener, metrics })
    }
}

/// Serves until the process is told to end (SIGTERM, SIGINT), on a runtime of its own; `bound` hears the scheme and the
/// addresses once they are taken.
///
/// With the feature `otel` and `traces` in the settings it exports spans, and is then the process's subscriber of `tracing`; whoever
/// embeds the service otherwise has a subscriber of their own.
///
/// # Errors
/// As [`Service::bind`]; [`Error::Settings`] where spans cannot be exported.
pub fn run(
    service: Service,
    bound: impl FnOnce(&'static str, SocketAddr, Option<SocketAddr>),
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Network { what: "start threads".to_owned(), error })?;
    #[cfg(feature = "otel")]
    let traces = service.app.settings.traces.as_ref();
    #[cfg(feature = "otel")]
    let exporting =
        traces.map(|traces| traces::Exporting::begin(traces, runtime.handle().clone())).transpose()?;
    let served = runtime.block_on(async {
        let ended = serve::told_to_end()?;
        let service = service.bind().await?;
        let (at, metrics) = service.addresses()?;
        bound(if service.app.settings.tls.is_some() { "https" } else { "http" }, at, metrics);
        service.serve(ended).await;
        Ok(())
    });
    #[cfg(feature = "otel")]
    if let Some(exporting) = exporting {
        exporting.end();
    }
    served
}

impl Bound {
    /// Where requests are taken, and where metrics are shown.
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn addresses(&self) -> Result<(SocketAddr, Option<SocketAddr>), Error> {
        let of = |listener: &TcpListener| {
            listener
                .local_addr()
                .map_err(|error| Error::Network { what: "tell the address".to_owned(), error })
        };
        Ok((of(&self.listener)?, self.metrics.as_ref().map(of).transpose()?))
    }

    /// Serves until `end`, and lets the requests that are there then be answered. Meanwhile keys and policies are read again
    /// when their files change, and a store applies what is due.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let Bound { app, listener, metrics } = self;
        let kept = tokio::spawn(reload::keep(app.clone()));
        let shown = metrics.map(|listener| {
            let (app, router) = (app.clone(), router::metrics(&app));
            let mut ends = app.end.subscribe();
            tokio::spawn(async move {
                let end = async { drop(ends.wait_for(|end| *end).await) };
                serve::serve(&app, listener, router, false, end).await;
            })
        });
        let router = router::router(&app);
        let end = async {
            end.await;
            app.end.send_replace(true);
        };
        let is_tls = app.settings.tls.is_some();
        serve::serve(&app, listener, router, is_tls, end).await;
        let _ = kept.await;
        if let Some(shown) = shown {
            let _ = shown.await;
        }
    }
}
