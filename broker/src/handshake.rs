//! From an accepted stream to a client that was let in, or to a refusal that says why.
//!
//! Runs in the connection's own task and within a time limit, so that a silent or slow client keeps nobody waiting. Also the place
//! where a session is taken over, taken up or begun, before the CONNACK that promises it.

use std::sync::Arc;

use bytes::BytesMut;
use domain::access::{Credentials, Denied, Peer, Principal};
use domain::limits::{CLIENT_ID_BYTES_MAX, CONNECT_BYTES_MAX, TOPIC_ALIAS_MAX};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::change::Change;
use crate::codec::{Codec, refuse_version};
use crate::durable::{Kept, SESSION_BYTES};
use crate::filter::is_topic;
use crate::hub::Hub;
use crate::limit::Limit;
use crate::packet::{ConnAck, Connect, Ending, Fault, Incoming, Reason, Text, Version};
use crate::sessions::Claim;
use crate::wills::Session;

/// A client that was let in; its CONNACK stands in `output`.
pub struct Admitted {
    pub codec: Codec,
    pub connect: Connect,
    /// As assigned where the client named none.
    pub client: Text,
    pub principal: Principal,
    pub claim: Claim,
    /// What an earlier connection of the client left.
    pub resumed: Option<Kept>,
    /// Seconds that the session outlives the connection.
    pub expiry_s: u32,
    pub keep_alive_s: u16,
    /// Publishes a second; `None`: as fast as it can.
    pub publish_rate: Option<u32>,
    /// What came behind the CONNECT.
    pub input: BytesMut,
    pub output: BytesMut,
}

/// Why nobody was let in, and what to send before closing.
pub struct Refused {
    pub answer: BytesMut,
    pub cause: &'static str,
    /// Who it said it was, for the log; empty before it said so.
    pub client: String,
    pub user: String,
    /// Credentials or rights were wrong, not only the protocol.
    pub is_suspicious: bool,
}

impl Refused {
    fn silently(cause: &'static str) -> Self {
        Self::with(BytesMut::new(), cause)
    }

    fn with(answer: BytesMut, cause: &'static str) -> Self {
        Self { answer, cause, client: String::new(), user: String::new(), is_suspicious: false }
    }
}

/// Reads the CONNECT, asks the authority and takes over the session.
pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(hub: &Arc<Hub>, stream: &mut S, peer: &Peer) -> Result<Admitted, Refused> {
    let mut input = BytesMut::new();
    let (mut codec, connect) = first_packet(stream, &mut input).await?;
    codec.heed(&connect);
    match admit(hub, &connect, peer).await {
        Ok(entry) => {
            let mut output = BytesMut::new();
            codec.connack(&entry.ack, &mut output);
            codec.limit_incoming(hub.options.packet_bytes_max);
            let publish_rate = hub.options.publishes_per_second_max(peer);
            let Entry { client, principal, claim, resumed, expiry_s, keep_alive_s, .. } = entry;
            Ok(Admitted {
                codec,
                connect,
                client,
                principal,
                claim,
                resumed,
                expiry_s,
                keep_alive_s,
                publish_rate,
                input,
                output,
            })
        }
        Err((ending, cause)) => {
            let mut answer = BytesMut::new();
            let reason = ending.reason();
            codec.connack(&refusal(ending), &mut answer);
            if let Ending::Limit(limit) = ending {
                limit.reached();
            }
            let is_suspicious =
                matches!(reason, Reason::BAD_CREDENTIALS | Reason::NOT_AUTHORISED | Reason::CONNECTION_RATE_EXCEEDED);
            let (client, user) = (connect.client_id.to_string(), connect.user.as_deref().unwrap_or_default().to_owned());
            Err(Refused { answer, cause, client, user, is_suspicious })
        }
    }
}

/// Reads who it is only to say in its words why it is turned away.
pub async fn turn_away<S: AsyncRead + Unpin>(stream: &mut S, limit: Limit) -> Refused {
    match first_packet(stream, &mut BytesMut::new()).await {
        Ok((mut codec, connect)) => {
            codec.heed(&connect);
            let mut answer = BytesMut::new();
            codec.connack(&refusal(limit.into()), &mut answer);
            Refused::with(answer, limit.name())
        }
        Err(refused) => refused,
    }
}

fn refusal(ending: Ending) -> ConnAck {
    ConnAck { reason: ending.reason(), text: Some(ending.text()), ..ConnAck::default() }
}

async fn first_packet<S: AsyncRead + Unpin>(stream: &mut S, input: &mut BytesMut) -> Result<(Codec, Connect), Refused> {
    let mut codec = None;
    loop {
        let decoded = match &mut codec {
            None => Codec::for_connect(input, CONNECT_BYTES_MAX as u32).map(|found| {
                let is_found = found.is_some();
                codec = found;
                is_found
            }),
            Some(_) => Ok(true),
        };
        let packet = match (decoded, &mut codec) {
            (Ok(true), Some(codec)) => codec.decode(input),
            (Ok(_), _) => Ok(None),
            (Err(fault), _) => Err(fault),
        };
        match (packet, codec.take()) {
            (Ok(Some(Incoming::Connect(connect))), Some(codec)) => return Ok((codec, *connect)),
            (Ok(Some(_)), _) => return Err(Refused::silently("protocol")),
            (Ok(None), former) => codec = former,
            (Err(fault), codec) => return Err(refuse_fault(fault, codec)),
        }
        input.reserve(1024);
        match stream.read_buf(input).await {
            Ok(1..) => {}
            _ => return Err(Refused::silently("lost")),
        }
    }
}

fn refuse_fault(fault: Fault, codec: Option<Codec>) -> Refused {
    let mut answer = BytesMut::new();
    match (fault, codec) {
        (Fault::Version(level), _) => refuse_version(level, &mut answer),
        (fault, Some(mut codec)) if codec.version() == Version::V5 || fault == Fault::ClientId => {
            codec.connack(&refusal(fault.ending()), &mut answer);
        }
        _ => {}
    }
    let cause = match fault {
        Fault::Malformed => "malformed",
        Fault::TooLarge => "too_large",
        Fault::Protocol => "protocol",
        Fault::Version(_) => "version",
        Fault::ClientId => "client_id",
    };
    Refused::with(answer, cause)
}

/// What was agreed with a client.
struct Entry {
    ack: ConnAck,
    client: Text,
    principal: Principal,
    claim: Claim,
    resumed: Option<Kept>,
    expiry_s: u32,
    keep_alive_s: u16,
}

async fn admit(hub: &Arc<Hub>, connect: &Connect, peer: &Peer) -> Result<Entry, (Ending, &'static str)> {
    if connect.extended_auth {
        return Err((Reason::BAD_AUTH_METHOD.into(), "auth_method"));
    }
    if connect.client_id.len() > CLIENT_ID_BYTES_MAX || connect.client_id.contains('\0') {
        return Err((Reason::CLIENT_ID_NOT_VALID.into(), "client_id"));
    }
    // A copy: a slice would keep the whole read buffer for as long as the client is connected.
    let named = match connect.client_id.is_empty() {
        true => Text::from(format!("kb-{:016x}", hub.rng.lock().next_u64())),
        false => Text::from(&*connect.client_id),
    };
    let principal = authenticate(hub, connect, &named, peer).await?;
    let client = own(&principal, &named)?;
    if let Some(will) = &connect.will {
        if !is_topic(&will.topic) {
            return Err((Reason::TOPIC_NAME_INVALID.into(), "will_topic"));
        }
        if !hub.authority.may_publish(&principal, &will.topic) {
            return Err((Reason::NOT_AUTHORISED.into(), "will_topic"));
        }
    }
    let claim = hub.sessions.claim(&client, &principal).await;
    let expiry_s = hub.options.expiry_s(&client, connect.session_expiry_s);
    let resumed = take_up(hub, &client, connect.clean, expiry_s).await?;
    let session = if resumed.is_some() { Session::Resumed } else { Session::Begun };
    if let Some(will) = &connect.will {
        let more = will.topic.len() + will.payload.len() + will.properties.bytes();
        if hub.store.is_full(more, hub.options.session_store_bytes_max) {
            return Err(over(Limit::SessionStore));
        }
    }
    if let Some(append) = hub.will_of_connect(&client, connect, session, expiry_s) {
        append.await.map_err(|_| (Reason::SERVER_UNAVAILABLE.into(), "journal"))?;
    }
    let keep_alive_s = match hub.options.keep_alive_max_s {
        max if max > 0 && connect.version == Version::V5 && (connect.keep_alive_s == 0 || connect.keep_alive_s > max) => max,
        _ => connect.keep_alive_s,
    };
    let ack = ConnAck {
        session_present: resumed.is_some(),
        reason: Reason::SUCCESS,
        session_expiry_s: (expiry_s != connect.session_expiry_s).then_some(expiry_s),
        assigned_client_id: connect.client_id.is_empty().then(|| named.to_string()),
        server_keep_alive_s: (keep_alive_s != connect.keep_alive_s).then_some(keep_alive_s),
        receive_max: hub.options.receive_maximum,
        packet_max: hub.options.packet_bytes_max,
        topic_alias_max: TOPIC_ALIAS_MAX,
        text: None,
    };
    Ok(Entry { ack, client, principal, claim, resumed, expiry_s, keep_alive_s })
}

async fn authenticate(hub: &Hub, connect: &Connect, named: &Text, peer: &Peer) -> Result<Principal, (Ending, &'static str)> {
    let (user, password) = (connect.user.as_deref(), connect.password.as_deref());
    let credentials = Credentials { client_id: named, user, password, peer };
    hub.checks.ask(&*hub.authority, &credentials).await.map_err(|denied| match denied {
        Denied::BadCredentials => (Reason::BAD_CREDENTIALS.into(), "credentials"),
        Denied::NotAuthorised => (Reason::NOT_AUTHORISED.into(), "not_authorised"),
        Denied::BackedOff => (Reason::CONNECTION_RATE_EXCEEDED.into(), "backed_off"),
        Denied::Unavailable => (Reason::SERVER_UNAVAILABLE.into(), "authority"),
    })
}

/// The identifier under which a client's session is kept. A device has its own space of them: one that names another's neither ends
/// its connection nor gets its messages. `@` begins those spaces, so that no client without credentials reaches into them.
fn own(principal: &Principal, named: &Text) -> Result<Text, (Ending, &'static str)> {
    let invalid = || (Reason::CLIENT_ID_NOT_VALID.into(), "client_id");
    let own: Text = match principal {
        Principal::Anonymous if named.starts_with('@') => return Err(invalid()),
        Principal::Anonymous => named.clone(),
        Principal::Device(id) if **named == **id => format!("@{id}").into(),
        Principal::Device(id) => format!("@{id}/{named}").into(),
    };
    // Records of the journal know a client by so many bytes.
    if own.len() <= CLIENT_ID_BYTES_MAX { Ok(own) } else { Err(invalid()) }
}

fn over(limit: Limit) -> (Ending, &'static str) {
    (limit.into(), limit.name())
}

/// Begins or takes up the session; durable before anybody is told.
async fn take_up(hub: &Hub, client: &Text, clean: bool, expiry_s: u32) -> Result<Option<Kept>, (Ending, &'static str)> {
    let now = hub.clock.now();
    let known = hub.store.session(client);
    let resumed = known.clone().filter(|kept| !clean && !kept.is_over(now));
    if expiry_s > 0 && known.is_none() {
        if hub.store.read(|durable| durable.sessions.len()) >= hub.options.sessions_max {
            return Err(over(Limit::Sessions));
        }
        if hub.store.is_full(SESSION_BYTES, hub.options.session_store_bytes_max) {
            return Err(over(Limit::SessionStore));
        }
    }
    let begins_anew = resumed.is_none();
    let change = match (expiry_s, &known) {
        (0, None) => return Ok(None),
        // A session that is taken up by a connection that it will not outlive is kept until that connection ends.
        (0, Some(_)) if begins_anew => Change::Ended { client: client.clone() },
        _ => Change::Opened { client: client.clone(), clean: begins_anew, expiry_s },
    };
    hub.store.change(change).await.map_err(|_| (Reason::SERVER_UNAVAILABLE.into(), "journal"))?;
    Ok(resumed)
}
