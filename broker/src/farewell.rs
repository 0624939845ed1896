//! The last words on a socket.
//!
//! A socket that is closed with unread bytes resets the connection, and what its client had not read yet is lost: the very DISCONNECT
//! that says why. So what still comes is read and thrown away until the client hangs up, too.

use bytes::BytesMut;
use domain::Clock;
use domain::limits::FAREWELL_MAX;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

/// Whether the client may have more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Left,
    Speaks,
}

/// Writes `words` and closes. `shutdown` ends the waiting for the client, not the writing.
pub async fn farewell<S: AsyncRead + AsyncWrite>(
    (read, write): (&mut ReadHalf<S>, &mut WriteHalf<S>),
    words: &mut BytesMut,
    client: Client,
    clock: &dyn Clock,
    shutdown: &CancellationToken,
) {
    let speak = async {
        // A client that is gone hears nothing.
        let _ = write.write_all_buf(words).await;
        let _ = write.shutdown().await;
    };
    let listen = async {
        let mut thrown_away = BytesMut::with_capacity(THROWN_AWAY_BYTES);
        while client == Client::Speaks && matches!(read.read_buf(&mut thrown_away).await, Ok(1..)) {
            thrown_away.clear();
        }
    };
    let listen = async {
        tokio::select! {
            biased;
            () = listen => {}
            () = shutdown.cancelled() => {}
        }
    };
    tokio::select! {
        biased;
        _ = async { tokio::join!(speak, listen) } => {}
        () = clock.sleep(FAREWELL_MAX) => {}
    }
}

const THROWN_AWAY_BYTES: usize = 4 * 1024;
