//! One connection from its first byte to its last: HTTP/1.1, and how long a caller may keep it waiting.
//!
//! Whoever is silent gives up the place for somebody else: between two requests, within a request's head, within its body, and
//! (see [`super::place`]) while an answer is written. How long an answer takes is its operation's affair.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use domain::Clock;
use domain::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEAD_WAIT_MAX, HTTP_STALL_MAX};
use domain::time::Sleep;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::debug;

use super::waiting::Entry;

/// Serves until either side closes; once the entry is told to leave, only the request that has begun.
pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send, router: Router, clock: Arc<dyn Clock>, entry: Entry) {
    let timing = Timing(Arc::clone(&clock));
    let entry = &entry;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        entry.asked();
        let paced = |body| Body::new(Paced { body, clock: Arc::clone(&clock), pause: None });
        let answer = router.clone().oneshot(request.map(paced));
        async move {
            let answer = answer.await;
            entry.answered();
            answer
        }
    });
    let mut http = http1::Builder::new();
    http.timer(timing).header_read_timeout(HTTP_HEAD_WAIT_MAX).max_buf_size(HTTP_HEAD_BYTES_MAX);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = entry.told_to_leave() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke off");
    }
}

/// As [`serve`], after a TLS handshake that may take as long as a request's head.
pub async fn serve_secure(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    config: Arc<ServerConfig>,
    router: Router,
    clock: Arc<dyn Clock>,
    entry: Entry,
) {
    let shaken = tokio::select! {
        shaken = TlsAcceptor::from(config).accept(stream) => shaken,
        () = clock.sleep(HTTP_HEAD_WAIT_MAX) => return debug!("a TLS handshake took too long"),
        () = entry.told_to_leave() => return,
    };
    match shaken {
        Ok(stream) => serve(stream, router, clock, entry).await,
        Err(error) => debug!(%error, "a TLS handshake failed"),
    }
}

/// hyper's timer on the clock that is passed in.
struct Timing(Arc<dyn Clock>);

impl rt::Timer for Timing {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Nap(Mutex::new(self.0.sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

/// The lock only makes it `Sync`, which hyper asks for: nobody else ever holds it.
struct Nap(Mutex<Sleep>);

impl rt::Sleep for Nap {}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().as_mut().poll(cx)
    }
}

/// A request's body that may not pause for too long.
struct Paced {
    body: Incoming,
    clock: Arc<dyn Clock>,
    /// Runs while nothing comes that is waited for.
    pause: Option<Sleep>,
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.pause = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let pause = this.pause.get_or_insert_with(|| this.clock.sleep(HTTP_STALL_MAX));
        ready!(pause.as_mut().poll(cx));
        Poll::Ready(Some(Err(format!("nothing came for {} s", HTTP_STALL_MAX.as_secs()).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
