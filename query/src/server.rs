//! The listener and its life: bind, serve, drain.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use domain::Clock;
use domain::registry::CityOptions;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ALLOW};
use http::{HeaderValue, Method, StatusCode};
use lake::contract::{Intake, Live};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::api::{Access, Endpoint, Verb, endpoints};
use crate::app::App;
use crate::engine::LakeFiles;
use crate::language::Language;
use crate::page::{self, Pages};
use crate::problem::Problem;
use crate::{Error, Options, call};

/// Whether the process can do its work, as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// What it waits for.
    Waiting(String),
}

/// What the server answers from.
pub struct Deps {
    pub live: Arc<dyn Live>,
    pub intake: Arc<dyn Intake>,
    /// Where the snapshots' files are.
    pub files: LakeFiles,
    pub clock: Arc<dyn Clock>,
    pub city: CityOptions,
    /// What a browser gets on paths that no operation has, `/` among them.
    pub pages: Pages,
    /// The Prometheus text of the whole process.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// A bound listener with everything behind it.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    addr: SocketAddr,
}

impl Server {
    /// Port 0 takes a free one: see [`local_addr`](Self::local_addr).
    pub async fn bind(options: Options, deps: Deps, addr: SocketAddr) -> Result<Self, Error> {
        let bind = |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(bind)?;
        let bound = listener.local_addr().map_err(bind)?;
        let app = App::new(options, deps, bound.ip().is_loopback())?;
        Ok(Self { app: Arc::new(app), listener, addr: bound })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown`, then lets open requests end, for as long as the options say.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let drain = Duration::from_secs(self.app.options.drain_s);
        let clock = Arc::clone(&self.app.clock);
        let doors = Doors { listener: self.listener, free: Arc::new(Semaphore::new(self.app.options.connections_max)) };
        let stop = shutdown.clone().cancelled_owned();
        let serve = axum::serve(doors, router(self.app)).with_graceful_shutdown(stop).into_future();
        let too_long = async {
            shutdown.cancelled().await;
            clock.sleep(drain).await;
        };
        tokio::select! {
            ended = serve => ended.map_err(Error::Listener)?,
            () = too_long => warn!(drain_s = drain.as_secs(), "open requests were cut off"),
        }
        info!(addr = %self.addr, "http listener closed");
        Ok(())
    }
}

/// Every operation of the list under its path; pages under others; refusals for the rest.
pub fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Endpoint>> = BTreeMap::new();
    for endpoint in endpoints() {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, endpoints) in paths {
        router = router.route(path, methods(&app, endpoints));
    }
    let lost = Arc::clone(&app);
    router.fallback(move |request: Request| {
        let app = Arc::clone(&lost);
        async move { page::answer(&app, &request).unwrap_or_else(|| refusal(&app, &request, Problem::Path)) }
    })
}

fn methods(app: &Arc<App>, endpoints: Vec<&'static Endpoint>) -> MethodRouter {
    let mut methods = MethodRouter::new();
    let mut allowed = vec!["OPTIONS"];
    for &endpoint in &endpoints {
        let app = Arc::clone(app);
        let filter = match endpoint.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
        };
        if endpoint.verb == Verb::Get {
            allowed.push("HEAD");
        }
        allowed.push(endpoint.verb.name());
        let answer = move |path: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            call::run(Arc::clone(&app), endpoint, path, request)
        };
        methods = methods.merge(on(filter, answer));
    }
    let (app, allowed) = (Arc::clone(app), allowed.join(", "));
    methods.fallback(move |request: Request| {
        let (app, allowed) = (Arc::clone(&app), allowed.clone());
        async move {
            if request.method() == Method::OPTIONS {
                preflight(&allowed)
            } else {
                refusal(&app, &request, Problem::Method { allowed })
            }
        }
    })
}

fn refusal(app: &App, request: &Request, problem: Problem) -> Response {
    let request_id = app.request_id(request.headers());
    let mut response = call::refuse(problem, "none", Language::of(request.headers()), &request_id);
    call::finish(&mut response, &request_id, Access::Public);
    response
}

/// What a browser asks before it sends a request with headers of its own. Only public answers are then readable to it.
fn preflight(allowed: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(allowed) {
        headers.insert(ALLOW, value);
    }
    headers.insert(http::header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers
        .insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("accept, accept-language, authorization, if-none-match"));
    response
}

/// The listener behind a fixed number of places: when all are taken, callers wait in the kernel's queue.
struct Doors {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl axum::serve::Listener for Doors {
    type Io = Place;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Place, SocketAddr) {
        let permit = Arc::clone(&self.free).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, addr) = axum::serve::Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "small answers may wait for the peer's acknowledgement");
        }
        (Place { stream, _permit: permit }, addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection and the place that it takes.
struct Place {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Place {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Place {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
