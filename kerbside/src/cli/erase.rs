//! What of whom is erased.

use clap::Args;
use domain::{SensorId, Timestamp};

#[derive(Args)]
pub struct Erase {
    /// Whose readings, dead letters and messages
    #[arg(long, value_name = "ID")]
    pub sensor: SensorId,
    /// From this instant on, RFC 3339, such as 2026-11-01T00:00:00+07:00
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339)]
    pub from: Timestamp,
    /// Until before this instant, which may not lie ahead
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse_rfc3339)]
    pub to: Timestamp,
    /// Tells what there is; nothing is erased
    #[arg(long)]
    pub dry_run: bool,
}
