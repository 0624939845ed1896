//! MQTT over WebSocket (MQTT 5, section 6): subprotocol `mqtt`, binary frames, whose borders mean nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use domain::limits::{PACKET_BYTES_MAX, WEBSOCKET_FRAME_BYTES_MAX};
use futures::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// A WebSocket as a stream of bytes.
pub struct Bytestream<S> {
    socket: WebSocketStream<S>,
    /// Of a frame that was read, what the reader has not taken.
    rest: Bytes,
}

/// Answers the upgrade request; refuses one that does not offer `mqtt`.
pub async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(socket: S) -> io::Result<Bytestream<S>> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(PACKET_BYTES_MAX + WEBSOCKET_FRAME_BYTES_MAX))
        .max_frame_size(Some(PACKET_BYTES_MAX + WEBSOCKET_FRAME_BYTES_MAX))
        .max_write_buffer_size(4 * WEBSOCKET_FRAME_BYTES_MAX);
    let socket = accept_hdr_async_with_config(socket, choose_mqtt, Some(config)).await.map_err(io_error)?;
    Ok(Bytestream { socket, rest: Bytes::new() })
}

#[expect(clippy::result_large_err, reason = "the crate's own callback type")]
fn choose_mqtt(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let mut names = offered.flat_map(|value| value.split(',')).map(str::trim);
    if names.any(|name| name == "mqtt") {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("mqtt"));
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(Some("subprotocol mqtt is required".into()));
    *refusal.status_mut() = StatusCode::from_u16(400).expect("400 is a status of HTTP");
    Err(refusal)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bytestream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => this.rest = bytes,
                Some(Ok(Message::Text(_))) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // The crate answers a ping by itself.
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
            }
        }
        let taken = this.rest.len().min(buffer.remaining());
        buffer.put_slice(&this.rest[..taken]);
        this.rest.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bytestream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.get_mut().socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(io_error)?;
        let taken = bytes.len().min(WEBSOCKET_FRAME_BYTES_MAX);
        socket.as_mut().start_send(Message::Binary(Bytes::copy_from_slice(&bytes[..taken]))).map_err(io_error)?;
        // Starts it on its way; what the socket does not take now leaves with the next write or flush.
        let _ = socket.poll_flush(context).map_err(io_error)?;
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context).map_err(io_error)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_close(context).map_err(io_error)
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
