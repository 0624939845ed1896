//! Topic aliases of one MQTT 5 connection (3.3.2.3.4), each direction by itself. They end with the connection.

use domain::limits::{TOPIC_ALIAS_MAX, TOPIC_ALIASES_BYTES_MAX};
use hashbrown::HashMap;

use crate::limit::Limit;
use crate::packet::{Ending, Publish, Reason, Text};

/// Those that the client made.
#[derive(Debug, Default)]
pub struct Taken {
    topics: Vec<Option<Text>>,
    bytes: usize,
}

impl Taken {
    /// Puts the topic in where only its alias came, and takes in a new alias.
    pub fn resolve(&mut self, publish: &mut Publish) -> Result<(), Ending> {
        let Some(alias) = publish.alias else {
            return if publish.topic.is_empty() { Err(Reason::PROTOCOL_ERROR.into()) } else { Ok(()) };
        };
        if alias == 0 || alias > TOPIC_ALIAS_MAX {
            return Err(Reason::TOPIC_ALIAS_INVALID.into());
        }
        let slot = usize::from(alias - 1);
        if self.topics.len() <= slot {
            self.topics.resize(slot + 1, None);
        }
        if publish.topic.is_empty() {
            publish.topic = self.topics[slot].clone().ok_or(Reason::PROTOCOL_ERROR)?;
            return Ok(());
        }
        let former = self.topics[slot].take().map_or(0, |topic| topic.len());
        self.bytes = self.bytes - former + publish.topic.len();
        if self.bytes > TOPIC_ALIASES_BYTES_MAX {
            return Err(Limit::TopicAliases.into());
        }
        // A copy: a slice would keep the whole read buffer.
        self.topics[slot] = Some(Text::from(&*publish.topic));
        Ok(())
    }
}

/// Those that the front made: of the first topics that are sent, as many as the client takes.
#[derive(Debug, Default)]
pub struct Given {
    max: u16,
    aliases: HashMap<Text, u16>,
    bytes: usize,
}

/// What stands for a topic in one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alias {
    None,
    /// The packet carries both, and makes the alias.
    New(u16),
    /// The alias alone stands for the topic.
    Known(u16),
}

impl Given {
    pub fn new(client_max: u16) -> Self {
        Self { max: client_max.min(TOPIC_ALIAS_MAX), ..Self::default() }
    }

    /// A new one counts once [`Given::keep`] says that its packet is on its way.
    pub fn of(&self, topic: &str) -> Alias {
        if let Some(&known) = self.aliases.get(topic) {
            return Alias::Known(known);
        }
        let has_room = self.aliases.len() < usize::from(self.max) && self.bytes + topic.len() <= TOPIC_ALIASES_BYTES_MAX;
        if has_room { Alias::New(self.aliases.len() as u16 + 1) } else { Alias::None }
    }

    pub fn keep(&mut self, topic: &str, alias: u16) {
        self.bytes += topic.len();
        self.aliases.insert(Text::from(topic), alias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(topic: String, alias: u16) -> Publish {
        Publish { topic: topic.into(), alias: Some(alias), ..Publish::default() }
    }

    #[test]
    fn aliases_of_a_client_keep_a_bounded_number_of_bytes() {
        let mut taken = Taken::default();
        let half = "x".repeat(TOPIC_ALIASES_BYTES_MAX / 2);
        assert_eq!(taken.resolve(&mut publish(half.clone(), 1)), Ok(()));
        assert_eq!(taken.resolve(&mut publish(half.clone(), 2)), Ok(()));
        assert_eq!(taken.resolve(&mut publish(half, 2)), Ok(()), "made anew it costs nothing more");
        assert_eq!(taken.resolve(&mut publish("y".into(), 3)), Err(Limit::TopicAliases.into()));
    }

    #[test]
    fn a_given_alias_is_new_until_its_packet_was_sent() {
        let mut given = Given::new(2);
        assert_eq!(given.of("a"), Alias::New(1));
        assert_eq!(given.of("b"), Alias::New(1));
        given.keep("b", 1);
        assert_eq!((given.of("b"), given.of("a")), (Alias::Known(1), Alias::New(2)));
        given.keep("a", 2);
        assert_eq!(given.of("c"), Alias::None);
        assert_eq!(Given::new(0).of("a"), Alias::None);
    }
}
