//! One connection from its first packet to its end: what arrives is appended at once and acknowledged, in the same order, when it is durable.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::{Clock, Position};
use journal::{Append, AppendError, Journal};
use metrics::{counter, gauge};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::Status;
use super::circle::{CIRCLE_PAUSE, Circle};
use super::link::{Answers, Arrival, Arrivals, Link, Lost};
use super::metrics as names;
use super::options::Broker;

pub(super) struct Session<'a> {
    pub(super) broker: &'a Broker,
    pub(super) journal: &'a Journal,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) status: &'a watch::Sender<Status>,
}

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum Ended {
    /// As asked, with everything acknowledged that could be.
    Left,
    Lost(Lost),
    /// What is not durable is never acknowledged; the broker keeps it.
    Unwritable(AppendError),
}

/// A message on its way to the disk.
struct Open {
    /// 0 for QoS 0, which nobody waits for.
    packet_id: u16,
    append: Append,
}

/// Messages in the order of their arrival.
struct Opens {
    queue: mpsc::Receiver<Open>,
    first: Option<Open>,
}

impl Opens {
    /// What became of the next; `None` at the end. Dropping the future loses nothing.
    async fn settled(&mut self) -> Option<(u16, Result<Position, AppendError>)> {
        if self.first.is_none() {
            self.first = self.queue.recv().await;
        }
        let Open { packet_id, append } = self.first.as_mut()?;
        let settled = (*packet_id, append.await);
        self.first = None;
        if let (0, Err(_)) = &settled {
            counter!(names::DROPPED).increment(1);
        }
        Some(settled)
    }
}

/// As many as there are packet ids.
const OPEN_MAX: usize = 65_535;
/// How long leaving may take: the last fsync, the acknowledgements and the goodbye.
const LEAVE_MAX: Duration = Duration::from_secs(5);

impl Session<'_> {
    pub(super) async fn serve(&self, link: Link, shutdown: &CancellationToken) -> Ended {
        let (queue, opened) = mpsc::channel(OPEN_MAX);
        let Link { mut arrivals, answers } = link;
        let mut opens = Opens { queue: opened, first: None };
        let leaving = async {
            shutdown.cancelled().await;
            self.clock.sleep(LEAVE_MAX).await;
        };
        let ended = tokio::select! {
            ended = self.receive(&mut arrivals, &answers, queue, shutdown) => ended,
            failed = acknowledge(&answers, &mut opens) => match failed {
                Err(ended) => ended,
                Ok(never) => match never {},
            },
            () = leaving => return Ended::Left,
        };
        // Nobody can be told any more, and what of QoS 0 is lost is still counted.
        while opens.settled().await.is_some() {}
        ended
    }

    async fn receive(
        &self,
        arrivals: &mut Arrivals,
        answers: &Answers,
        queue: mpsc::Sender<Open>,
        shutdown: &CancellationToken,
    ) -> Ended {
        let client = Bytes::from(self.broker.client_id.clone());
        let mut circle = Circle::default();
        loop {
            // What waits for the disk is bounded by not reading on.
            self.journal.ready().await;
            let arrival = tokio::select! {
                arrival = arrivals.next() => arrival,
                () = shutdown.cancelled() => break,
            };
            let turns = matches!(&arrival, Ok(Arrival::Message(message)) if circle.turns_with(&message.topic, &message.payload));
            let taken = match arrival {
                Ok(Arrival::Message(message)) => self.take(message, &client, &queue).await,
                Ok(other) => self.agree(other, answers).await,
                Err(lost) => Err(lost),
            };
            if let Err(lost) = taken {
                return Ended::Lost(lost);
            }
            if turns {
                self.slow_down(&mut circle).await;
            }
        }
        // Without the queue the acknowledging side comes to its end and says goodbye behind the last acknowledgement. The broker closes
        // when it has read that far; closing first, or coming back at once, would cost it what it has not yet read.
        drop(queue);
        while arrivals.next().await.is_ok() {
            // A message that still comes is not acknowledged and waits at the broker for the next start.
        }
        Ended::Left
    }

    /// Leaving would not end a circle, and would keep from the city what else comes this way.
    async fn slow_down(&self, circle: &mut Circle) {
        if circle.is_to_be_told(self.clock.elapsed()) {
            counter!(names::CIRCLES).increment(1);
            error!(broker = %self.broker.address(), "what the broker sends came from there before, again and again: a bridge between it and this \
                server hands messages round for ever, so that they are read slowly; its filters or source.filters must leave one way out");
        }
        self.clock.sleep(CIRCLE_PAUSE).await;
    }

    async fn take(&self, message: super::message::Message, client: &Bytes, queue: &mpsc::Sender<Open>) -> Result<(), Lost> {
        let packet_id = if message.qos == 0 { 0 } else { message.packet_id };
        let append = message.append(self.journal, client);
        match packet_id {
            0 => queue.send(Open { packet_id, append }).await.map_err(|_| Lost::Answers),
            _ => queue.try_send(Open { packet_id, append }).map_err(|_| Lost::PacketIds),
        }
    }

    async fn agree(&self, arrival: Arrival, answers: &Answers) -> Result<(), Lost> {
        match arrival {
            Arrival::Connected { session_present } => {
                info!(broker = %self.broker.address(), session_present, "connected to the broker");
                // Also when the session is there: the filters may be others than when it was made.
                answers.subscribe(&self.broker.filters).await
            }
            Arrival::Subscribed { refused: 0 } => {
                self.status.send_replace(Status::Subscribed);
                gauge!(names::SUBSCRIBED).set(1.0);
                Ok(())
            }
            Arrival::Subscribed { refused } => Err(Lost::Refused(refused)),
            Arrival::Message(_) | Arrival::Other => Ok(()),
        }
    }
}

/// Acknowledges in order of arrival; ends only by failing, and says goodbye once the queue has ended.
async fn acknowledge(answers: &Answers, opens: &mut Opens) -> Result<Infallible, Ended> {
    while let Some((packet_id, outcome)) = opens.settled().await {
        match (packet_id, outcome) {
            (0, _) => {}
            (_, Err(error)) => return Err(Ended::Unwritable(error)),
            (packet_id, Ok(_)) => answers.acknowledge(packet_id).await.map_err(Ended::Lost)?,
        }
    }
    answers.leave().await.map_err(Ended::Lost)?;
    std::future::pending().await
}
