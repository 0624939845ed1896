//! How a connection ends.

use crate::packet::Ending;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said goodbye and wants no will.
    Left,
    /// The client said goodbye and wants its will.
    LeftWithWill,
    /// The socket is gone.
    Lost,
    /// The front ends it and says why.
    Ended(Ending),
}

pub fn ended(why: impl Into<Ending>) -> End {
    End::Ended(why.into())
}

impl End {
    /// A label for logs and metrics.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Left | Self::LeftWithWill => "client",
            Self::Lost => "lost",
            Self::Ended(ending) => ending.name(),
        }
    }
}
