//! Messages as bytes: the lengths of head and body (4 and 8 bytes, little endian), the head in postcard, the body as it is.
//!
//! A length costs the reader nothing before the bytes are there, so that a peer that lies takes no memory with it.

use bytes::Bytes;
use domain::limits::{LINK_BODY_BYTES_MAX, LINK_HEAD_BYTES_MAX};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::PROTOCOL;

/// A message and what it carries besides.
#[derive(Debug)]
pub struct Frame<T> {
    pub head: T,
    pub body: Bytes,
}

/// Why a connection of the link is over.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
    #[error("it is no link of kerbside")]
    Foreign,
    #[error("its link is of version {theirs}, this kerbside's of version {PROTOCOL}: run the same version on both sides")]
    Version { theirs: u16 },
    #[error("a message of {bytes} bytes is over the limit of {max}")]
    TooLarge { bytes: u64, max: usize },
    #[error("a message cannot be read: {0}")]
    Malformed(&'static str),
}

const MAGIC: &[u8] = b"kerbside link ";

/// What the listening side says first.
pub async fn hail(stream: &mut (impl AsyncWrite + Unpin)) -> Result<(), LinkError> {
    let mut hail = MAGIC.to_vec();
    hail.extend_from_slice(&PROTOCOL.to_le_bytes());
    Ok(stream.write_all(&hail).await?)
}

/// Whether the listening side is a link that this version understands.
pub async fn meet(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), LinkError> {
    let mut magic = [0; MAGIC.len()];
    stream.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(LinkError::Foreign);
    }
    match stream.read_u16_le().await? {
        PROTOCOL => Ok(()),
        theirs => Err(LinkError::Version { theirs }),
    }
}

pub async fn write(stream: &mut (impl AsyncWrite + Unpin), head: &impl Serialize, body: &[u8]) -> Result<(), LinkError> {
    let encoded = postcard::to_stdvec(head).map_err(|_| LinkError::Malformed("it has no bytes"))?;
    check(encoded.len() as u64, LINK_HEAD_BYTES_MAX)?;
    check(body.len() as u64, LINK_BODY_BYTES_MAX)?;
    let mut start = Vec::with_capacity(LENGTHS + encoded.len());
    start.extend_from_slice(&(encoded.len() as u32).to_le_bytes());
    start.extend_from_slice(&(body.len() as u64).to_le_bytes());
    start.extend_from_slice(&encoded);
    stream.write_all(&start).await?;
    stream.write_all(body).await?;
    Ok(stream.flush().await?)
}

/// The next message; `None` when the other side has ended the connection between two of them.
pub async fn read<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Frame<T>>, LinkError> {
    let mut lengths = [0; LENGTHS];
    if stream.read(&mut lengths[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut lengths[1..]).await?;
    let (head, body) = lengths.split_at(4);
    let head = u64::from(u32::from_le_bytes(head.try_into().expect("four bytes")));
    let body = u64::from_le_bytes(body.try_into().expect("eight bytes"));
    check(head, LINK_HEAD_BYTES_MAX)?;
    check(body, LINK_BODY_BYTES_MAX)?;
    let head = postcard::from_bytes(&exactly(stream, head).await?).map_err(|_| LinkError::Malformed("its head is damaged"))?;
    let body = Bytes::from(exactly(stream, body).await?);
    Ok(Some(Frame { head, body }))
}

const LENGTHS: usize = 12;

fn check(bytes: u64, max: usize) -> Result<(), LinkError> {
    match bytes > max as u64 {
        true => Err(LinkError::TooLarge { bytes, max }),
        false => Ok(()),
    }
}

async fn exactly(stream: &mut (impl AsyncRead + Unpin), length: u64) -> Result<Vec<u8>, LinkError> {
    let mut bytes = Vec::new();
    stream.take(length).read_to_end(&mut bytes).await?;
    match bytes.len() as u64 == length {
        true => Ok(bytes),
        false => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_comes_over_whole_and_the_end_between_two_is_no_error() {
        let (mut here, mut there) = tokio::io::duplex(16);
        let sending = tokio::spawn(async move {
            hail(&mut here).await.expect("hailed");
            write(&mut here, &("first", 7u32), b"body").await.expect("written");
            write(&mut here, &("second", 8u32), &[1; 100_000]).await.expect("written");
        });
        meet(&mut there).await.expect("a link");
        let first: Frame<(String, u32)> = read(&mut there).await.expect("readable").expect("there");
        assert_eq!((first.head, &first.body[..]), (("first".to_owned(), 7), &b"body"[..]));
        let second: Frame<(String, u32)> = read(&mut there).await.expect("readable").expect("there");
        assert_eq!((second.head.1, second.body.len()), (8, 100_000));
        assert!(read::<u32>(&mut there).await.expect("ended in order").is_none());
        sending.await.expect("no panic");
    }

    #[tokio::test]
    async fn who_is_no_link_or_of_another_version_or_cuts_a_message_is_told_apart() {
        assert!(matches!(meet(&mut &b"HTTP/1.1 400 Bad Request"[..]).await, Err(LinkError::Foreign)));
        let other = [MAGIC, &[9, 9]].concat();
        assert!(matches!(meet(&mut &other[..]).await, Err(LinkError::Version { theirs: 0x0909 })));
        let huge = [&1u32.to_le_bytes()[..], &u64::MAX.to_le_bytes(), &[0]].concat();
        assert!(matches!(read::<u8>(&mut &huge[..]).await, Err(LinkError::TooLarge { .. })));
        let cut = [&1u32.to_le_bytes()[..], &5u64.to_le_bytes(), &[0], b"abc"].concat();
        assert!(matches!(read::<u8>(&mut &cut[..]).await, Err(LinkError::Lost(_))));
    }
}
