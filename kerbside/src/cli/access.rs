//! Who may come in: devices over MQTT, keys over HTTP.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::access::{Scope, SensorPattern, TopicPattern};
use domain::{SensorId, Timestamp};

#[derive(Subcommand)]
pub enum Key {
    /// A new key for a person or a service; it is told once, on stdout
    Add(AddKey),
    /// Every key that was ever given, without its secret
    List,
    /// Ends a key at once, also on a running server
    Revoke {
        /// As `key list` names it
        id: String,
    },
}

#[derive(Args)]
pub struct AddKey {
    /// The person or service
    pub name: String,
    /// What it opens; may be given again
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<Scope>,
    #[command(flatten)]
    pub end: End,
}

#[derive(Subcommand)]
pub enum Device {
    /// A device that may connect with a password, told once on stdout unless it is given
    Add(AddDevice),
    /// A device with a certificate in one command: its files, and a line to paste
    Onboard(OnboardDevice),
    /// Every device that was ever added
    List,
    /// Ends a device's access at once and disconnects it, also on a running server
    Revoke { id: SensorId },
}

#[derive(Args)]
pub struct AddDevice {
    /// Its user name
    pub id: SensorId,
    /// File that holds its password; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Without a password: it shows a certificate of its name
    #[arg(long, conflicts_with = "password_file")]
    pub certificate: bool,
    /// In the place of a device of this id, whose password and grants end
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub grants: GrantArgs,
    #[command(flatten)]
    pub end: End,
}

#[derive(Args)]
pub struct OnboardDevice {
    /// Its name, which the certificate carries
    pub id: SensorId,
    /// A signing request of a device that keeps its key to itself (PEM); without it a key is made
    #[arg(long, value_name = "FILE")]
    pub request: Option<PathBuf>,
    /// Where its files are put [default: a new folder of its name]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The server as the device will call it; its certificate has to carry this name (`tls.names`)
    #[arg(long, default_value = "localhost")]
    pub host: String,
    /// In the place of a device of this id, whose password and grants end
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub grants: GrantArgs,
    /// How long certificate and access last
    #[arg(long, default_value_t = 825)]
    pub days: u32,
}

/// What a device may do. Without any of these: publish readings under its own id.
#[derive(Args)]
pub struct GrantArgs {
    /// Publishes readings of this sensor, or of all that begin so (`north-*`); may be given again
    #[arg(long = "sensor", value_name = "ID", value_parser = SensorPattern::parse)]
    pub sensors: Vec<SensorPattern>,
    /// Publishes to these topics, too (`v3/#`); may be given again
    #[arg(long = "publish", value_name = "FILTER", value_parser = TopicPattern::parse)]
    pub publish: Vec<TopicPattern>,
    /// Reads these topics (`kerbside/v1/state/#`); may be given again
    #[arg(long = "subscribe", value_name = "FILTER", value_parser = TopicPattern::parse)]
    pub subscribe: Vec<TopicPattern>,
}

/// When it ends by itself.
#[derive(Args)]
pub struct End {
    /// RFC 3339, such as 2027-01-01T00:00:00+07:00
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339, conflicts_with = "days")]
    pub expires: Option<Timestamp>,
    /// After so many days
    #[arg(long)]
    pub days: Option<u32>,
}
