//! The program's own clients against servers that are reached over TLS alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::until::until;
use tests::{Server, server};

/// The files of a device that was onboarded at `server`.
struct Device {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Device {
    fn onboard(server: &Server, folder: &Path, id: &str, grants: &[&str]) -> anyhow::Result<Self> {
        let folder = folder.join(id);
        let out = folder.to_string_lossy();
        let output = server.run(&[&["device", "onboard", id, "--out", &out], grants].concat())?;
        anyhow::ensure!(output.status.success(), "{output:?}");
        let file = |end: &str| folder.join(format!("{id}{end}"));
        Ok(Self { ca: server.data_dir().join("security/ca.pem"), certificate: file(".pem"), key: file(".key") })
    }

    fn flags(&self) -> Vec<String> {
        let flag = |name: &str, path: &Path| [name.to_owned(), path.to_string_lossy().into_owned()];
        [flag("--ca", &self.ca), flag("--certificate", &self.certificate), flag("--certificate-key", &self.key)].concat()
    }
}

fn run(args: &[String]) -> anyhow::Result<server::Output> {
    server::run(&args.iter().map(String::as_str).collect::<Vec<_>>(), &[])
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn a_simulated_city_publishes_over_tls_under_its_certificate() -> anyhow::Result<()> {
    let (server, folder) =
        (Server::start_with("serve", &["--https", "127.0.0.1:0", "--mqtts", "127.0.0.1:0"])?, tempfile::tempdir()?);
    let gateway = Device::onboard(&server, folder.path(), "gateway-1", &["--sensor", "*"])?;
    let city = words("--bays 20 --stations 1");
    let file = folder.path().join("city.geojson").to_string_lossy().into_owned();
    assert!(run(&[words("simulate"), city.clone(), words(&format!("--registry {file}"))].concat())?.status.success());
    let https = format!("https://localhost:{}", server.https().port());
    let ca = gateway.ca.to_string_lossy().into_owned();
    let key = folder.path().join("key");
    std::fs::write(&key, server.run(&["key", "add", "planner", "--scope", "admin"])?.stdout)?;
    let imported = until(Duration::from_secs(20), || {
        let import = words(&format!("registry import {file} --server {https} --ca {ca} --key {}", key.to_string_lossy()));
        Some(run(&import).ok()?).filter(|output| output.status.success())
    });
    assert!(imported.is_some_and(|output| output.stdout.contains("0 refused")));
    let broker = words(&format!("--broker mqtts://localhost:{} --speed 20 --duration-s 60", server.mqtts().port()));
    let said = run(&[words("simulate"), city, broker.clone(), gateway.flags()].concat())?;
    assert!(said.status.success() && !said.stdout.contains(" 0 acknowledged"), "{said:?}");
    assert!(server.api().ledger()?.accepted > 0);

    let strange = run(&[words("simulate --duration-s 1"), broker[..2].to_vec()].concat())?;
    assert!(!strange.status.success() && strange.stderr.contains("certificate"), "{strange:?}");
    Ok(())
}

#[test]
fn ingest_takes_readings_from_a_broker_over_tls() -> anyhow::Result<()> {
    let (broker, folder) = (Server::start_with("broker", &["--mqtts", "127.0.0.1:0"])?, tempfile::tempdir()?);
    let source = Device::onboard(&broker, folder.path(), "ingest-1", &["--subscribe", "kerbside/#"])?;
    let url = format!("mqtts://localhost:{}", broker.mqtts().port());
    let file = |key: &str, path: &Path| format!("source.{key}={}", path.to_string_lossy());
    let (ca, certificate) = (file("ca_file", &source.ca), file("certificate_file", &source.certificate));
    let key = file("key_file", &source.key);
    let filters = "source.filters=[\"kerbside/v1/parking/+\"]";
    let sets = ["source.client_id=ingest-1", filters, &ca, &certificate, &key].map(|set| ["--set", set]).concat();
    let ingest = Server::start_with("ingest", &[&["--broker", &url], &*sets].concat())?;
    super::bridge::subscribed(&ingest)?;
    let publisher = tests::Publisher::new(broker.mqtt(), "one");
    publisher.publish(&[tests::publisher::parking("bay-1", 1_790_000_000_000, "occupied")]);
    let taken = until(Duration::from_secs(30), || (ingest.api().ledger().ok()?.accepted == 1).then_some(()));
    assert!(taken.is_some(), "{:?}", ingest.api().ledger());
    Ok(())
}
