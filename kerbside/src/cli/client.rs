//! Flags of commands that are clients: of a broker, or of a running server.

use std::path::PathBuf;

use clap::Args;

/// The broker to publish to, and as whom.
#[derive(Args)]
pub struct Target {
    /// The broker to publish to; mqtts:// over TLS
    #[arg(long, value_name = "URL", default_value = "mqtt://127.0.0.1:1883")]
    pub broker: String,
    /// Who publishes: a device, or a gateway that may publish for all of them
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// File that holds the password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Authority of the broker's certificate (PEM) [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Certificate that is shown to the broker (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate_key")]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub certificate_key: Option<PathBuf>,
}

/// A running server instead of the data dir.
#[derive(Args)]
pub struct Server {
    /// Such as http://127.0.0.1:8080 or https://kerbside.example
    #[arg(long = "server", value_name = "URL")]
    pub url: Option<String>,
    /// File that holds an API key
    #[arg(long, value_name = "FILE", requires = "url")]
    pub key: Option<PathBuf>,
    /// Authority of the server's certificate (PEM) [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "url")]
    pub ca: Option<PathBuf>,
}
