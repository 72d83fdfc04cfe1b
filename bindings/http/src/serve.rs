//! Connections: accepted up to a bound, in clear or over TLS, and let go when the service ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::app::App;
use crate::error::Error;
use crate::prompt::Prompt;
use crate::settings::Limits;
use crate::tls::{self, Certificates};
use crate::who::Peer;

/// How long connections have to end once the service ends.
const LAST: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD: usize = 64 << 10;

/// Takes an address.
pub(crate) async fn bind(at: SocketAddr) -> Result<TcpListener, Error> {
    let network = |error| Error::Network { what: format!("listen on `{at}`"), error };
    TcpListener::bind(at).await.map_err(network)
}

/// Ends once the process is told to end. It listens from now on.
pub(crate) fn told_to_end() -> Result<impl Future<Output = ()>, Error> {
    #[cfg(unix)]
    let mut terminated = {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |error| Error::Network { what: "listen for signals".to_owned(), error };
        signal(SignalKind::terminate()).map_err(failed)?
    };
    Ok(async move {
        let interrupted = tokio::signal::ctrl_c();
        #[cfg(unix)]
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted => {}
        }
        #[cfg(not(unix))]
        let _ = interrupted.await;
    })
}

/// Serves a router until `end`; then lets the requests that are there be answered.
pub(crate) async fn serve(
    app: &App,
    listener: TcpListener,
    router: Router,
    is_tls: bool,
    end: impl Future<Output = ()>,
) {
    let limits = &app.settings.limits;
    let (places, graceful) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    let builder = Arc::new(builder(limits));
    tokio::pin!(end);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut end => break,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            // No file handles, mostly: those that are open are answered meanwhile.
            Err(error) => {
                (app.notes)(&format!("a connection was not accepted: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (builder, router, watcher) = (builder.clone(), router.clone(), graceful.watcher());
        let tls = is_tls.then(|| app.tls.get().map(Certificates::acceptor)).flatten();
        let time = limits.time();
        tokio::spawn(async move {
            let _place = place;
            match tls {
                None if is_tls => {}
                None => connection(&builder, (Prompt::new(stream, time), None), router, watcher).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(time, tls.accept(stream)).await {
                        let peer = tls::peer(stream.get_ref().1.peer_certificates());
                        connection(&builder, (Prompt::new(stream, time), peer), router, watcher).await;
                    }
                }
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(LAST, graceful.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.time())
        .max_buf_size(HEAD)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.time()))
        .keep_alive_timeout(limits.time())
        .max_concurrent_streams(128)
        .max_header_list_size(64 << 10);
    builder
}

async fn connection(
    builder: &Builder<TokioExecutor>,
    (stream, peer): (impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Option<Peer>),
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let service = TowerToHyperService::new(router.map_request(
        move |mut request: hyper::Request<hyper::body::Incoming>| {
            if let Some(peer) = &peer {
                request.extensions_mut().insert(peer.clone());
            }
            request.map(Body::new)
        },
    ));
    let served = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    // Whatever is wrong with a connection is its client's.
    let _ = watcher.watch(served).await;
}
