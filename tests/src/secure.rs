//! HTTP over TLS, as somebody on the street speaks it: one request a connection, the server's certificate checked.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Trusts one authority.
pub struct Street {
    config: Arc<ClientConfig>,
    address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Head and body as they came.
    pub text: String,
}

impl Street {
    pub fn new(address: SocketAddr, authority: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config: Arc::new(config), address: SocketAddr::from(([127, 0, 0, 1], address.port())) })
    }

    /// `headers` end each with CRLF.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> anyhow::Result<Reply> {
        let name = ServerName::try_from("localhost").context("a name")?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name)?;
        let mut stream = StreamOwned::new(connection, TcpStream::connect(self.address)?);
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        )?;
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            // A server that closes without a farewell of TLS has still answered.
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => {}
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status =
            text.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| format!("no answer: {text}"))?;
        Ok(Reply { status, text })
    }
}
