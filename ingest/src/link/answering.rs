//! Calls: the same ways in and questions as in one process, asked from another one.

use bytes::Bytes;
use domain::record::Publish;
use lake::contract::link::{Reply, Request};
use lake::contract::{Intake, IntakeError, Live};

use crate::handle::Handle;

pub async fn answer(handle: &Handle, request: Request, body: Bytes) -> (Reply, Bytes) {
    match call(handle, request, body).await {
        Ok(answer) => answer,
        Err(error) => (Reply::Failed(error), Bytes::new()),
    }
}

async fn call(handle: &Handle, request: Request, body: Bytes) -> Result<(Reply, Bytes), IntakeError> {
    let reply = match request {
        Request::LedgerOf(sensor) => Reply::Ledger(handle.ledger_of(&sensor).await?),
        Request::Uplinks(sensor) => Reply::Uplinks(handle.uplinks(&sensor).await?),
        Request::Publish { lengths } => Reply::Published(handle.publish(messages(&lengths, body)?).await?),
        Request::EditRegistry { author, dry_run } => {
            let verdict = handle.edit_registry(&author, body, dry_run).await?;
            Reply::Edited { verdict, seen_at: handle.position() }
        }
        Request::ExportRegistry { at } => return Ok((Reply::Exported, handle.export_registry(at).await?)),
        Request::Reprocess { of, element } => {
            let anew = handle.reprocess(of, element).await?;
            Reply::Reprocessed { anew, seen_at: handle.position() }
        }
        Request::Follow(_) => return Err(invalid("a follower is no call")),
    };
    Ok((reply, Bytes::new()))
}

fn messages(lengths: &[u32], mut body: Bytes) -> Result<Vec<Publish>, IntakeError> {
    let mut messages = Vec::with_capacity(lengths.len());
    for length in lengths {
        if body.len() < *length as usize {
            return Err(invalid("the messages are shorter than told"));
        }
        let message = Publish::decode(body.split_to(*length as usize)).map_err(|error| invalid(&error.to_string()))?;
        messages.push(message);
    }
    Ok(messages)
}

fn invalid(why: &str) -> IntakeError {
    IntakeError::Invalid(why.to_owned())
}
