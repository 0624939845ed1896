//! TLS below MQTT: the handshake, and who the client's certificate says it is.
//!
//! Certificates, their renewal and what was revoked are the binary's; each handshake asks for them anew. Absent on purpose: resumption,
//! by which a certificate that was revoked since would be let in once more.

use std::io;
use std::sync::Arc;

use compact_str::CompactString;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What a listener with TLS shows and asks for.
pub trait Tls: Send + Sync + 'static {
    /// As it stands now.
    fn config(&self) -> Arc<ServerConfig>;
    /// The device that a verified certificate belongs to; `None`: it names none.
    fn name(&self, certificate: &CertificateDer<'_>) -> Option<CompactString>;
}

/// Shakes hands; gives the client's name where it showed a certificate.
pub async fn accept<S>(tls: &dyn Tls, socket: S) -> io::Result<(TlsStream<S>, Option<CompactString>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = TlsAcceptor::from(tls.config()).accept(socket).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let name = match shown {
        Some(certificate) => Some(tls.name(certificate).ok_or_else(nameless)?),
        None => None,
    };
    Ok((stream, name))
}

fn nameless() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the client's certificate names no device in its subject's common name")
}
