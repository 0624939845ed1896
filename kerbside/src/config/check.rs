//! Whether a server would start on a configuration: one judgement for `serve`, `config` and every command that runs a part of it.
//!
//! Each fault names the key and what set it. Nothing is made and no port is taken, so that a configuration can be judged beside
//! the server that runs on it.

use figment::Figment;
use lake::table::Table;

use super::{Config, Fault, Loaded, origin};
use crate::listeners::{self, Doors};
use crate::source;

/// The first fault, as one sentence.
pub fn check(loaded: &Loaded, doors: Doors) -> anyhow::Result<()> {
    let faults = [values, another_broker, listeners];
    let found = faults.into_iter().find_map(|fault| fault(loaded, doors).err());
    found.map_or(Ok(()), |Fault { key, detail }| anyhow::bail!("{}", sentence(&loaded.figment, key, &detail)))
}

/// What could not be read as a value at all.
pub fn unreadable(figment: &Figment, errors: figment::Error) -> String {
    let told = |error: figment::Error| {
        let mut key = error.path.join(".");
        if let figment::error::Kind::UnknownField(name, _) = &error.kind
            && error.path.last() != Some(name)
        {
            key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        }
        let by_layer = error.metadata.as_ref().and_then(|metadata| origin::of_metadata(metadata, &key));
        match by_layer.or_else(|| origin::of(figment, &key)) {
            Some(origin) if key.is_empty() => format!("{} ({origin})", error.kind),
            Some(origin) => format!("{key}: {} ({origin})", error.kind),
            None if key.is_empty() => error.kind.to_string(),
            None => format!("{key}: {}", error.kind),
        }
    };
    let told: Vec<_> = errors.into_iter().map(told).collect();
    format!("configuration: {}", told.join("; "))
}

fn sentence(figment: &Figment, key: &str, detail: &str) -> String {
    match origin::of(figment, key) {
        Some(origin) => format!("{key}: {detail} ({origin})"),
        None => format!("{key}: {detail}"),
    }
}

fn listeners(loaded: &Loaded, doors: Doors) -> Result<(), Fault> {
    listeners::resolve(&loaded.config, doors).map(drop)
}

/// Another broker: named by whoever wants one, since the default of its address is this machine.
fn another_broker(loaded: &Loaded, doors: Doors) -> Result<(), Fault> {
    let Some(source) = loaded.config.source.as_ref().filter(|_| doors.let_readings_in()) else { return Ok(()) };
    if loaded.figment.find_value("source.url").is_err() {
        return Err(Fault { key: "source.url", detail: "is missing: source needs its broker, such as mqtt://host:1883".into() });
    }
    source.host_and_port().map_err(|error| Fault { key: source_key(&error), detail: error.to_string() })?;
    source::tls(source).map(drop)
}

fn source_key(error: &ingest::source::Error) -> &'static str {
    use ingest::source::Error;
    match error {
        Error::Url { .. } | Error::Literal { .. } | Error::Tls => "source.url",
        Error::ClientId => "source.client_id",
        Error::Filters => "source.filters",
        Error::Share { .. } => "source.share",
        Error::Inflight => "source.inflight",
        Error::PasswordFile { .. } => "source.password_file",
        Error::User => "source.user",
    }
}

fn values(loaded: &Loaded, _: Doors) -> Result<(), Fault> {
    let config = &loaded.config;
    city(&config.city)?;
    config.broker.check().map_err(|(key, wanted)| Fault { key, detail: format!("has to be {wanted}") })?;
    let Config { ingest, lake, query, tls, .. } = config;
    let at_least_one: [(&'static str, bool); 9] = [
        ("ingest.commit_s", ingest.commit_s == 0),
        ("ingest.commit_rows", ingest.commit_rows == 0),
        ("ingest.commit_bytes", ingest.commit_bytes == 0),
        ("ingest.checkpoint_s", ingest.checkpoint_s == 0),
        ("ingest.hot_rows", ingest.hot_rows == 0),
        ("ingest.hot_bytes", ingest.hot_bytes == 0),
        ("ingest.maintenance_s", ingest.maintenance_s == 0),
        ("lake.merge_every_s", lake.merge_every_s == 0),
        ("query.connections_max", query.connections_max == 0),
    ];
    if let Some((key, _)) = at_least_one.into_iter().find(|(_, is_zero)| *is_zero) {
        return Err(Fault { key, detail: "has to be at least 1".into() });
    }
    if !(ABSOLUTE_ZERO_C..=HOTTEST_C).contains(&ingest.reference_temperature_c) {
        return Err(Fault { key: "ingest.reference_temperature_c", detail: "is no temperature of air in °C".into() });
    }
    let aged: Vec<_> = Table::ALL.into_iter().filter(|table| *table != Table::Registry).map(Table::name).collect();
    if let Some(name) = lake.retention_days.keys().find(|name| !aged.contains(&name.as_str())) {
        return Err(Fault { key: "lake.retention_days", detail: format!("{name:?} is none of the tables {}", aged.join(", ")) });
    }
    if !query.ingest.is_empty() && !is_host_and_port(&query.ingest) {
        let detail = format!("{:?} is no host and port such as 127.0.0.1:7400", query.ingest);
        return Err(Fault { key: "query.ingest", detail });
    }
    match (tls.certificate.as_os_str().is_empty(), tls.key.as_os_str().is_empty()) {
        (true, false) => Err(Fault { key: "tls.key", detail: "names a key of no certificate: name tls.certificate, too".into() }),
        (false, true) => Err(Fault { key: "tls.certificate", detail: "has no key: name tls.key, too".into() }),
        _ => Ok(()),
    }
}

const ABSOLUTE_ZERO_C: f64 = -273.15;
const HOTTEST_C: f64 = 100.0;

fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn city(city: &domain::registry::CityOptions) -> Result<(), Fault> {
    use domain::registry::CityError;
    city.check().map_err(|error| {
        let key = match error {
            CityError::Zone(_) => "city.zone",
            CityError::Language(_) => "city.language",
            CityError::Level(_) => "city.levels",
        };
        Fault { key, detail: error.to_string() }
    })
}

#[cfg(test)]
mod tests {
    use crate::cli::{Common, Said};
    use crate::config;
    use crate::listeners::Doors;
    use crate::node::Roles;

    fn refusal(set: &str) -> String {
        let common = Common { set: vec![set.to_owned()], ..Common::default() };
        let loaded = match config::load(&common, Vec::new()) {
            Ok(loaded) => loaded,
            Err(error) => return error.to_string(),
        };
        config::check(&loaded, Doors::of(Roles::ALL)).expect_err(set).to_string()
    }

    #[test]
    fn a_value_that_no_server_starts_on_is_told_by_its_key_and_flag() {
        for set in [
            "city.zone=Mars/X",
            "city.language=vi_VN",
            "city.levels=[\"ward\",\"ward\"]",
            "ingest.commit_s=0",
            "ingest.commit_s=soon",
            "ingest.unknown_sensors=drop",
            "broker.receive_maximum=0",
            "query.connections_max=0",
            "query.ingest=nowhere",
            "source.url=http://x",
            "source.url=mqtts://[::1]",
            "tls.key=server.key",
            "mqtts=nowhere",
            "mqtt_ws=0.0.0.0:9001",
        ] {
            let (key, told) = (set.split('=').next().unwrap_or_default(), refusal(set));
            assert!(told.contains(&format!("{key}: ")) && told.ends_with("(command line --set)"), "{told}");
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_told_by_its_key() {
        for (set, key) in [
            ("source.version=3", "source.url"),
            ("lake.retention_days.parking=3", "lake.retention_days"),
            ("ingest.commit_every=3", "ingest.commit_every"),
            ("mqqt=127.0.0.1:1", "mqqt"),
        ] {
            let told = refusal(set);
            assert!(told.contains(&format!("{key}: ")) && !told.contains("config.rs"), "{set}: {told}");
        }
    }

    #[test]
    fn the_defaults_are_served_and_a_flag_counts_before_the_file() {
        let said = vec![Said { flag: "--http", key: "http", value: "nowhere".into() }];
        let loaded = config::load(&Common::default(), Vec::new()).expect("the defaults");
        config::check(&loaded, Doors::of(Roles::ALL)).expect("can be served");
        let loaded = config::load(&Common::default(), said).expect("readable");
        let told = config::check(&loaded, Doors::HTTP).expect_err("no address").to_string();
        assert!(told.starts_with("http: ") && told.ends_with("(command line --http)"), "{told}");
    }
}
