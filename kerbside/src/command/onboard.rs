//! `device onboard`: authority, certificate and a line to paste, in one command.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::cli::OnboardDevice;
use crate::clock;
use crate::command::{self, device};
use crate::config::Config;
use crate::security::{Adding, NewDevice, Store, operator};
use crate::tls::{Authority, Issued};

const DAY: Duration = Duration::from_secs(86_400);

/// The snippet alone goes to stdout.
pub fn run(store: &mut Store, onboard: OnboardDevice, config: &Config) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.tls.device_authorities.as_os_str().is_empty(),
        "tls.device_authorities names the authorities that let devices in: have the certificate signed there, then kerbside device add --certificate"
    );
    let (id, now) = (onboard.id, clock::system().now());
    // Told before a key is made for it and files are written.
    if !onboard.replace && store.has_device(&id)? {
        anyhow::bail!(
            "there is a device {id} already: end its access with kerbside device revoke {id}, or give it a new certificate with \
             --replace and a new folder (--out)"
        );
    }
    let authority = Authority::open(&config.security.dir(&config.data_dir), now)?;
    let out = onboard.out.unwrap_or_else(|| PathBuf::from(id.as_str()));
    let (certificate, key) = match &onboard.request {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("--request {}", file.display()))?;
            let signed = authority.sign(&id, &text, onboard.days, now);
            (signed.with_context(|| format!("--request {}", file.display()))?, None)
        }
        None => {
            let Issued { certificate, key } = authority.device(&id, onboard.days, now)?;
            (certificate, Some(key))
        }
    };
    let device = NewDevice {
        password: None,
        certificate: true,
        grants: device::grants(&id, onboard.grants)?,
        expires_at: Some(now.plus(DAY.saturating_mul(onboard.days))),
        id,
    };
    let id = &device.id;
    fs::create_dir_all(&out).with_context(|| format!("--out {}", out.display()))?;
    put(&out.join("ca.pem"), authority.certificate(), 0o644)?;
    put(&out.join(format!("{id}.pem")), &certificate, 0o644)?;
    if let Some(key) = &key {
        put(&out.join(format!("{id}.key")), key, 0o600)?;
    }
    // Last: files that open nothing are better than a device without its files.
    store.add_device(&device, if onboard.replace { Adding::Replacing } else { Adding::New }, &operator(), now)?;
    command::remark(&format!(
        "device {id}: ca.pem, {id}.pem{} in {}",
        if key.is_some() { format!(" and {id}.key") } else { String::new() },
        out.display()
    ));
    command::say(&snippet(&onboard.host, &config.mqtts, &out, id.as_str()))
}

fn snippet(host: &str, mqtts: &Option<String>, out: &Path, id: &str) -> String {
    let port = mqtts.as_deref().and_then(|address| address.rsplit(':').next()).filter(|port| *port != "0").unwrap_or("8883");
    let file = |name: String| out.join(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem".to_owned()), file(format!("{id}.pem")), file(format!("{id}.key")));
    // The shell fills in the time: milliseconds.
    let payload = r#""{\"ts\":$(date +%s)000,\"state\":\"occupied\"}""#;
    format!(
        "mosquitto_pub -h {host} -p {port} --cafile {ca} --cert {certificate} --key {key} -V 5 -q 1 -t kerbside/v1/parking/{id} -m {payload}\n"
    )
}

/// Nothing that is there is overwritten: a key that was handed out stays readable.
fn put(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    if path.file_name().is_some_and(|name| name == "ca.pem") && fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow!("{} is there already and is not overwritten: name another folder with --out", path.display())
        }
        _ => anyhow!("{}: {error}", path.display()),
    })?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}
