//! How much is read from a socket at once, and when.

use bytes::BytesMut;
use journal::Journal;
use tokio::io::{AsyncRead, AsyncReadExt, ReadHalf};

/// Room for reading: a sensor that sends a reading now and then needs little, and there are many of them.
pub const READ_BYTES_FEW: usize = 1024;
/// For a client that filled that.
const READ_BYTES_MANY: usize = 32 * 1024;

/// Reads once the journal has room. Cancel-safe.
pub async fn read_more<S: AsyncRead>(
    journal: &Journal,
    read: &mut ReadHalf<S>,
    input: &mut BytesMut,
    at_once: &mut usize,
) -> std::io::Result<usize> {
    journal.ready().await;
    if input.capacity() - input.len() < *at_once / 2 {
        input.reserve(*at_once);
    }
    let room = input.capacity() - input.len();
    let bytes = read.read_buf(input).await?;
    if bytes == room {
        *at_once = READ_BYTES_MANY;
    }
    Ok(bytes)
}
