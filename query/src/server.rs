//! The listener and its life: bind, serve, drain.

mod connection;
mod place;
mod waiting;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use domain::Clock;
use domain::access::{Audit, Keys};
use domain::limits::BOARD_EVERY;
use domain::registry::CityOptions;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ALLOW};
use http::{HeaderValue, Method, StatusCode};
use lake::contract::{Intake, Live};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::access::Door;
use crate::announce::Announcements;
use crate::api::{Access, Endpoint, Verb, endpoints};
use crate::app::App;
use crate::board::Board;
use crate::engine::LakeFiles;
use crate::language::Language;
use crate::page::{self, Pages};
use crate::problem::Problem;
use crate::{Error, Options, call};
use place::{Heard, Places};

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
    pub keys: Arc<dyn Keys>,
    pub audit: Arc<dyn Audit>,
    pub city: CityOptions,
    /// Of concentrations of gases, as ingest converts them.
    pub reference_temperature_c: f64,
    /// What a browser gets on paths that no operation has, `/` among them.
    pub pages: Pages,
    /// The Prometheus text of the whole process.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    pub ready: Arc<dyn Fn() -> Readiness + Send + Sync>,
}

/// What a listener with TLS shows, as it stands now: asked with each handshake.
pub type Tls = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// Where the API is served: in the clear, and with TLS.
pub struct Listen {
    pub plain: SocketAddr,
    pub secure: Option<(SocketAddr, Tls)>,
}

/// Bound listeners with everything behind them.
pub struct Server {
    app: Arc<App>,
    plain: Bound,
    secure: Option<(Bound, Tls)>,
}

struct Bound {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Bound {
    async fn to(addr: SocketAddr) -> Result<Self, Error> {
        let bind = |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(bind)?;
        Ok(Self { addr: listener.local_addr().map_err(bind)?, listener })
    }

    /// Whoever knocks here.
    fn door(&self) -> Door {
        Door { is_loopback: self.addr.ip().to_canonical().is_loopback() }
    }
}

impl Server {
    /// Port 0 takes a free one: see [`local_addr`](Self::local_addr). Refuses an address beyond this machine in the clear that nobody
    /// asked for by name (SEC-1).
    pub async fn bind(options: Options, deps: Deps, listen: Listen) -> Result<Self, Error> {
        let Listen { plain: addr, secure } = listen;
        if !addr.ip().to_canonical().is_loopback() && !options.allow_plaintext_off_loopback {
            return Err(Error::Exposed { addr });
        }
        let plain = Bound::to(addr).await?;
        let secure = match secure {
            Some((addr, tls)) => Some((Bound::to(addr).await?, tls)),
            None => None,
        };
        Ok(Self { app: Arc::new(App::new(options, deps)?), plain, secure })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.plain.addr
    }

    /// Where TLS is listened for, if anywhere.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.secure.as_ref().map(|(bound, _)| bound.addr)
    }

    /// Of the same board that questions are answered from.
    pub fn announcements(&self) -> Announcements {
        Announcements::new(Arc::clone(&self.app.board))
    }

    /// Serves until `shutdown`, then lets open requests end for as long as the options say, and cuts off those that are left:
    /// when this returns nothing of a request runs on.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let Self { app, plain, secure } = self;
        let (clock, drain) = (Arc::clone(&app.clock), Duration::from_secs(app.options.drain_s));
        let places_max = app.options.connections_max;
        let mut following = pin!(follow(Arc::clone(&app.board), Arc::clone(&clock)));
        let in_the_clear = router(Arc::clone(&app), plain.door());
        let (listener, with_tls) = match secure {
            Some((bound, tls)) => {
                let router = router(app, bound.door());
                (Some(bound.listener), Some((router, tls)))
            }
            None => (None, None),
        };
        let mut places = Places::new(plain.listener, listener, places_max, Arc::clone(&clock));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                Some(ended) = connections.join_next() => told(ended),
                never = &mut following => match never {},
                (place, heard) = places.accept() => {
                    let (clock, entry) = (Arc::clone(&clock), places.waiting().entry(&shutdown));
                    match (heard, &with_tls) {
                        (Heard::Secure, Some((router, tls))) => {
                            connections.spawn(connection::serve_secure(place, tls(), router.clone(), clock, entry))
                        }
                        _ => connections.spawn(connection::serve(place, in_the_clear.clone(), clock, entry)),
                    };
                }
            }
        }
        drop(places);
        let too_long = clock.sleep(drain);
        tokio::select! {
            () = all_ended(&mut connections) => {}
            () = too_long => {
                warn!(drain_s = drain.as_secs(), open = connections.len(), "open requests are cut off");
                connections.shutdown().await;
            }
        }
        info!("http listeners closed");
        Ok(())
    }
}

/// The board goes on by itself, so that whoever asks finds little to take in.
async fn follow(board: Arc<Board>, clock: Arc<dyn Clock>) -> Infallible {
    loop {
        clock.sleep(BOARD_EVERY).await;
        if let Err(problem) = board.at(clock.now()).await {
            error!(?problem, "the board stands still");
        }
    }
}

async fn all_ended(connections: &mut JoinSet<()>) {
    while let Some(ended) = connections.join_next().await {
        told(ended);
    }
}

fn told(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection's task did not end by itself");
    }
}

/// Every operation of the list under its path; pages under others; refusals for the rest.
pub fn router(app: Arc<App>, door: Door) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<&'static Endpoint>> = BTreeMap::new();
    for endpoint in endpoints() {
        paths.entry(endpoint.path).or_default().push(endpoint);
    }
    let mut router = Router::new();
    for (path, endpoints) in paths {
        router = router.route(path, methods(&app, door, endpoints));
    }
    let lost = Arc::clone(&app);
    router.fallback(move |request: Request| {
        let app = Arc::clone(&lost);
        async move { page::answer(&app, &request).unwrap_or_else(|| refusal(&app, &request, Problem::Path)) }
    })
}

fn methods(app: &Arc<App>, door: Door, endpoints: Vec<&'static Endpoint>) -> MethodRouter {
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
            call::run(Arc::clone(&app), door, endpoint, path, request)
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

#[cfg(test)]
mod tests;
