//! Every administrative act: who did what to what, and how it ended. Told in two steps, so that one that broke off is seen, too.

/// What somebody is about to do.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// The person or service, or `local` for whoever sits at the machine.
    pub who: &'a str,
    /// The operation's id.
    pub act: &'a str,
    /// What it is done to.
    pub subject: &'a str,
}

/// Names an act that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActId(pub i64);

/// The audit cannot be written, so the act must not happen.
#[derive(Debug, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub struct AuditError(pub String);

/// The log of acts. Both calls wait for the disk.
pub trait Audit: Send + Sync + 'static {
    /// Durable when it returns, before anything is changed.
    fn begin(&self, act: Act<'_>) -> Result<ActId, AuditError>;
    fn end(&self, act: ActId, outcome: &str) -> Result<(), AuditError>;
}

/// Keeps nothing: for a server that changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn begin(&self, _act: Act<'_>) -> Result<ActId, AuditError> {
        Ok(ActId(0))
    }

    fn end(&self, _act: ActId, _outcome: &str) -> Result<(), AuditError> {
        Ok(())
    }
}
