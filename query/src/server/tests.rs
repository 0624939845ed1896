//! What callers who keep a real socket waiting cost: their place, after so long, and nothing else.

use std::borrow::Cow;

use domain::limits::{HTTP_HEAD_WAIT_MAX, HTTP_STALL_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::Page;
use crate::tests::fixture::Fixture;
use crate::tests::hand_clock::HandClock;
use crate::tests::served;
use crate::tests::stand_in::{StoodIntake, StoodLive};

const SECOND: Duration = Duration::from_secs(1);

/// More than two sockets hold between them.
static LARGE: [u8; 64 << 20] = [0; 64 << 20];

struct Listening {
    _fixture: Fixture,
    clock: Arc<HandClock>,
    intake: Arc<StoodIntake>,
    addr: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<Result<(), Error>>,
}

impl Listening {
    async fn new() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let fixture = Fixture::new().await;
        let (clock, intake) = (Arc::new(HandClock::default()), Arc::new(StoodIntake::default()));
        let live = Arc::new(StoodLive::new(fixture.view()));
        let mut deps = served::deps(&fixture, live, intake.clone(), clock.clone());
        deps.pages = Arc::new(|path| {
            let page = Page { content_type: "text/plain", body: Cow::Borrowed(&LARGE), content_security_policy: "" };
            (path == "/large").then_some(page)
        });
        let listen = Listen { plain: SocketAddr::from(([127, 0, 0, 1], 0)), secure: None };
        let server = Server::bind(options, deps, listen).await.expect("binds");
        let (addr, stop) = (server.local_addr(), CancellationToken::new());
        let server = tokio::spawn(server.run(stop.clone()));
        Self { _fixture: fixture, clock, intake, addr, stop, server }
    }

    async fn call(&self, said: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.expect("the server listens");
        stream.write_all(said.as_bytes()).await.expect("the server reads");
        stream
    }

    /// What the server says until it closes, and how long the clock went until then. It stands still as long as it says something.
    async fn heard(&self, stream: &mut TcpStream) -> (String, Duration) {
        let (mut said, began) = (Vec::new(), self.clock.elapsed());
        loop {
            tokio::select! {
                biased;
                read = stream.read_buf(&mut said) => {
                    if !read.is_ok_and(|bytes| bytes > 0) {
                        return (String::from_utf8_lossy(&said).into_owned(), self.clock.elapsed() - began);
                    }
                }
                () = yield_now() => self.clock.advance(SECOND),
            }
        }
    }

    /// Until the server has done as much as it can at this instant.
    async fn until(&self, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            yield_now().await;
        }
    }
}

const IMPORT: &str = "POST /v1/import HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";

/// A batch that is published at once, and the beginning of another.
fn lines() -> String {
    let line = "{\"kind\":\"air\",\"sensor\":\"a\",\"ts\":1,\"pm25\":1}\n".repeat(domain::limits::IMPORT_BATCH_LINES_MAX + 1);
    format!("{:x}\r\n{line}\r\n", line.len())
}

#[tokio::test]
async fn a_connection_that_says_nothing_gives_up_its_place() {
    let listening = Listening::new().await;
    for said in ["", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n", "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = listening.call(said).await;
        let (heard, waited) = listening.heard(&mut stream).await;
        assert_eq!(heard.contains("200 OK"), said.ends_with("\r\n\r\n"), "{heard}");
        assert!(waited >= HTTP_HEAD_WAIT_MAX, "{waited:?} after {said:?}");
    }
}

#[tokio::test]
async fn a_silent_connection_gives_its_place_to_whoever_comes_when_all_are_taken() {
    let listening = Listening::with(Options { connections_max: 3, ..Options::default() }).await;
    let mut importing = listening.call(&format!("{IMPORT}{}", lines())).await;
    listening.until(|listening| !listening.intake.published.lock().is_empty()).await;
    let mut silent = vec![listening.call("").await, listening.call("").await];
    for number in 0..3 {
        let mut stream = listening.call("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.expect("an answer, though no time has passed");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // Afterwards it is silent, too, and the last one that has to go.
        silent.push(stream);
        silent[number].read_to_end(&mut Vec::new()).await.expect("closed");
    }
    importing.write_all(b"0\r\n\r\n").await.expect("whoever asks something stays");
    let mut answer = [0; 15];
    importing.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn an_import_that_pauses_is_told_how_far_it_got() {
    let listening = Listening::new().await;
    let mut stream = listening.call(&format!("{IMPORT}{}", lines())).await;
    let (heard, waited) = listening.heard(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 503") && heard.contains("nothing came for 30 s"), "{heard}");
    assert!(heard.contains("\"next_line\":1002"), "what came whole is kept: {heard}");
    assert!(waited >= HTTP_STALL_MAX, "{waited:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_one_that_is_too_large() {
    let listening = Listening::new().await;
    let mut stream = listening.call("POST /v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{\"sql\":").await;
    let (heard, _) = listening.heard(&mut stream).await;
    assert!(heard.starts_with("HTTP/1.1 400") && heard.contains("the body ended too early: nothing came for 30 s"), "{heard}");
    let bytes = domain::limits::HTTP_BODY_BYTES_MAX + 1;
    let mut stream =
        listening.call(&format!("POST /v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-length: {bytes}\r\n\r\n")).await;
    let (mut reader, mut writer) = stream.split();
    let (said, mut heard) = (vec![b' '; bytes], String::new());
    let (_, read) = tokio::join!(writer.write_all(&said), async {
        let mut first = [0; 12];
        reader.read_exact(&mut first).await.map(|_| heard.push_str(&String::from_utf8_lossy(&first)))
    });
    read.expect("an answer");
    assert_eq!(heard, "HTTP/1.1 413");
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answer_gives_up_its_place() {
    let listening = Listening::new().await;
    let mut stream = listening.call("GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    stream.read_exact(&mut [0; 1]).await.expect("the answer begins");
    for _ in 0..4 * HTTP_STALL_MAX.as_secs() {
        yield_now().await;
        listening.clock.advance(SECOND);
    }
    let mut rest = Vec::new();
    // Cut off, the connection ends with or without an error.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.len() < LARGE.len(), "what the sockets held, not the whole answer");
}

#[tokio::test]
async fn after_the_shutdown_signal_open_requests_end_and_silent_connections_close_at_once() {
    let listening = Listening::new().await;
    let mut silent = listening.call("").await;
    let mut open = listening.call(&format!("{IMPORT}{}", lines())).await;
    listening.until(|listening| !listening.intake.published.lock().is_empty()).await;
    listening.stop.cancel();
    let mut nothing = Vec::new();
    assert_eq!(silent.read_to_end(&mut nothing).await.expect("closed"), 0);
    open.write_all(b"0\r\n\r\n").await.expect("it may still end");
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.expect("closed afterwards");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"taken\":1001"), "{answer}");
    listening.server.await.expect("no panic").expect("it ends well");
}

#[tokio::test]
async fn at_the_drains_end_what_is_left_is_cut_off() {
    let listening = Listening::new().await;
    let mut open = listening.call(&format!("{IMPORT}{}", lines())).await;
    listening.until(|listening| !listening.intake.published.lock().is_empty()).await;
    listening.stop.cancel();
    let (heard, waited) = listening.heard(&mut open).await;
    assert_eq!(heard, "");
    assert!(waited >= Duration::from_secs(Options::default().drain_s), "{waited:?}");
    listening.until(|listening| listening.server.is_finished()).await;
    assert_eq!(listening.intake.published.lock().len(), 1, "nothing is taken any more");
}
