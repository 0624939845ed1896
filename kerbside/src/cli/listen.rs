//! Where a server listens, and what else the command line says of the configuration.

use clap::Args;

use super::Command;

/// Addresses of a server. Each is also a key of the configuration file and a `KERBSIDE_…` variable.
#[derive(Args, Default)]
pub struct Listen {
    /// HTTP address; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// MQTT address; port 0 takes a free one [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR")]
    pub mqtt: Option<String>,
    /// MQTT over WebSocket address [default: off]
    #[arg(long, value_name = "ADDR")]
    pub mqtt_ws: Option<String>,
    /// MQTT over TLS address [default: off]
    #[arg(long, value_name = "ADDR")]
    pub mqtts: Option<String>,
    /// MQTT over WebSocket over TLS address [default: off]
    #[arg(long, value_name = "ADDR")]
    pub mqtt_wss: Option<String>,
    /// HTTP over TLS address [default: off]
    #[arg(long, value_name = "ADDR")]
    pub https: Option<String>,
    /// Address of ingest's link, for processes of query alone (`serve` and `ingest`) [default: off]
    #[arg(long, value_name = "ADDR")]
    pub link: Option<String>,
}

/// A key of the configuration that a flag of a command gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub flag: &'static str,
    pub key: &'static str,
    pub value: String,
}

/// A flag, its key, and what it says where it is there.
type Flag<'a> = (&'static str, &'static str, &'a Option<String>);

impl Command {
    /// What the command's own flags say of the configuration.
    pub fn said(&self) -> Vec<Said> {
        let (listen, others): (_, Vec<Flag<'_>>) = match self {
            Self::Serve(listen) | Self::Config(listen) => (listen, Vec::new()),
            Self::Demo(demo) => (&demo.listen, Vec::new()),
            Self::Broker(broker) => {
                let said = [("--http", "broker_http", &broker.listen.http), ("--ingest", "query.ingest", &broker.ingest)];
                return said.into_iter().chain(broker.listen.others()).filter_map(say).collect();
            }
            Self::Ingest(ingest) => (&ingest.listen, vec![("--broker", "source.url", &ingest.broker)]),
            Self::Query(query) => {
                (&query.listen, vec![("--ingest", "query.ingest", &query.ingest), ("--lake", "lake.url", &query.lake)])
            }
            _ => return Vec::new(),
        };
        let http = ("--http", "http", &listen.http);
        std::iter::once(http).chain(listen.others()).chain(others).filter_map(say).collect()
    }
}

fn say((flag, key, value): Flag<'_>) -> Option<Said> {
    value.clone().map(|value| Said { flag, key, value })
}

impl Listen {
    /// All but HTTP, which is another key of a broker alone.
    fn others(&self) -> [Flag<'_>; 6] {
        let Self { http: _, mqtt, mqtt_ws, mqtts, mqtt_wss, https, link } = self;
        [
            ("--mqtt", "mqtt", mqtt),
            ("--mqtt-ws", "mqtt_ws", mqtt_ws),
            ("--mqtts", "mqtts", mqtts),
            ("--mqtt-wss", "mqtt_wss", mqtt_wss),
            ("--https", "https", https),
            ("--link", "link", link),
        ]
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    fn parsed(args: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once(&"kerbside").chain(args))
    }

    #[test]
    fn every_command_that_serves_takes_the_listeners_flags() {
        for command in ["serve", "demo", "broker", "ingest", "query", "config"] {
            let key = if command == "broker" { "broker_http" } else { "http" };
            let cli = parsed(&[command, "--http", "127.0.0.1:1", "--data-dir", "d"]).unwrap_or_else(|error| panic!("{error}"));
            let said = cli.command.said();
            assert_eq!((said.len(), said[0].flag, said[0].key, said[0].value.as_str()), (1, "--http", key, "127.0.0.1:1"));
        }
    }

    #[test]
    fn a_command_that_opens_no_listener_refuses_their_flags() {
        for command in [&["key", "list"][..], &["registry", "export"], &["sql", "select 1"], &["verify"], &["simulate"]] {
            let error = parsed(&[command, &["--mqtt", "127.0.0.1:1"]].concat()).err();
            assert!(error.is_some_and(|error| error.to_string().contains("--mqtt")), "{command:?}");
        }
    }

    #[test]
    fn the_data_dir_may_be_named_before_and_after_a_command() {
        for args in [["--data-dir", "d", "verify"], ["verify", "--data-dir", "d"]] {
            let cli = parsed(&args).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(cli.common.data_dir.as_deref(), Some(std::path::Path::new("d")));
        }
    }
}
