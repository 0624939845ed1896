//! The columns that every reading table shares at its end: transport, flags, journal offset.

use arrow::array::{ArrayRef, Float64Builder, Int32Builder, Int64Builder, StringBuilder};
use domain::reading::Transport;
use domain::{Flags, Position};

use super::shared;

#[derive(Default)]
pub(super) struct TransportColumns {
    seq: Int64Builder,
    battery_mv: Int32Builder,
    battery_pct: Float64Builder,
    rssi_dbm: Float64Builder,
    snr_db: Float64Builder,
    gateway: StringBuilder,
}

impl TransportColumns {
    pub(super) fn push(&mut self, transport: &Transport) {
        self.seq.append_option(transport.seq.map(i64::from));
        self.battery_mv.append_option(transport.battery_mv);
        self.battery_pct.append_option(transport.battery_pct);
        self.rssi_dbm.append_option(transport.rssi_dbm);
        self.snr_db.append_option(transport.snr_db);
        self.gateway.append_option(transport.gateway.as_deref());
    }

    pub(super) fn finish(&mut self) -> [ArrayRef; 6] {
        [
            shared(self.seq.finish()),
            shared(self.battery_mv.finish()),
            shared(self.battery_pct.finish()),
            shared(self.rssi_dbm.finish()),
            shared(self.snr_db.finish()),
            shared(self.gateway.finish()),
        ]
    }
}

#[derive(Default)]
pub(super) struct TraceColumns {
    flags: Int32Builder,
    journal_offset: Int64Builder,
}

impl TraceColumns {
    pub(super) fn push(&mut self, flags: Flags, position: Position) {
        self.flags.append_value(flags.bits().cast_signed());
        self.journal_offset.append_value(position.as_i64());
    }

    pub(super) fn finish(&mut self) -> [ArrayRef; 2] {
        [shared(self.flags.finish()), shared(self.journal_offset.finish())]
    }
}
