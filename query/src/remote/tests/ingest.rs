//! The other end of the link, as a test wants it.

use bytes::Bytes;
use domain::registry::CityOptions;
use domain::{JournalId, Position, Timestamp};
use lake::Lake;
use lake::contract::link::{Follow, Frame, Greeting, News, Reply, Request, Seal, hail, read, write};
use lake::contract::{Counts, IngestStatus, LedgerView, TableStatus};
use lake::table::Table;
use tokio::net::{TcpListener, TcpStream};

pub struct Ingest {
    listener: TcpListener,
    pub journal: JournalId,
}

/// A connection that a follower follows on.
pub struct Line {
    stream: TcpStream,
    pub follow: Follow,
}

/// A call that waits for its answer.
pub struct Call {
    stream: TcpStream,
    request: Frame<Request>,
}

impl Ingest {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self { listener, journal: JournalId(7) }
    }

    pub fn address(&self) -> String {
        self.listener.local_addr().expect("bound").to_string()
    }

    /// The next connection, greeted.
    pub async fn greet(&self) -> TcpStream {
        self.greet_on(self.accept().await).await
    }

    pub async fn accept(&self) -> TcpStream {
        self.listener.accept().await.expect("accepts").0
    }

    async fn greet_on(&self, mut stream: TcpStream) -> TcpStream {
        hail(&mut stream).await.expect("hailed");
        let greeting = Greeting { journal: self.journal, city: CityOptions::default() };
        write(&mut stream, &greeting, &[]).await.expect("greeted");
        stream
    }

    pub async fn follower(&self) -> Line {
        self.follower_on(self.accept().await).await
    }

    pub async fn follower_on(&self, stream: TcpStream) -> Line {
        let Call { stream, request } = Call::on(self.greet_on(stream).await).await;
        match request.head {
            Request::Follow(follow) => Line { stream, follow },
            other => panic!("no follower but {other:?}"),
        }
    }

    pub async fn call(&self) -> Call {
        Call::on(self.greet().await).await
    }
}

impl Line {
    pub async fn say(&mut self, news: News) {
        self.say_with(news, &[]).await;
    }

    pub async fn say_with(&mut self, news: News, body: &[u8]) {
        write(&mut self.stream, &news, body).await.expect("the follower reads");
    }

    /// As many elements were received as there are records.
    pub async fn seal(&mut self, head: u64) {
        self.say(News::Seal(Box::new(seal(head, None)))).await;
    }

    /// With the versions that the lake has now.
    pub async fn seal_with_versions(&mut self, head: u64, lake: &Lake) {
        let tables = Table::ALL.map(|table| TableStatus {
            table: table.name().to_owned(),
            lake_version: lake.snapshot(table).version,
            ..TableStatus::default()
        });
        let status = IngestStatus { tables: tables.into(), writable: true, ..IngestStatus::default() };
        self.say(News::Seal(Box::new(seal(head, Some(status))))).await;
    }
}

fn seal(head: u64, status: Option<IngestStatus>) -> Seal {
    let counts = Counts { received: head, accepted: head, ..Counts::default() };
    let ledger = LedgerView { counts, foreign: 0, erased: 0, head };
    Seal { head: Position(head), now: Timestamp::UNIX_EPOCH, ledger, registry: Position::START, status }
}

impl Call {
    async fn on(mut stream: TcpStream) -> Self {
        let request = read(&mut stream).await.expect("a request").expect("there");
        Self { stream, request }
    }

    /// How many messages it publishes, each of which must be one.
    pub fn publishes(&self) -> usize {
        let Request::Publish { lengths } = &self.request.head else { panic!("{:?}", self.request.head) };
        let mut body: Bytes = self.request.body.clone();
        for length in lengths {
            domain::record::Publish::decode(body.split_to(*length as usize)).expect("a message");
        }
        assert!(body.is_empty());
        lengths.len()
    }

    pub async fn answer(&mut self, reply: Reply) {
        write(&mut self.stream, &reply, &[]).await.expect("the caller reads");
    }

    /// The next call on the same connection.
    pub async fn next(self) -> Self {
        Self::on(self.stream).await
    }
}
