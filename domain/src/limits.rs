//! Every limit of Kerbside with its reason. A queue, a payload, a cache, a count without a line here does not exist.

use std::time::Duration;

/// Ids stand in topics, paths, file names and partition values.
pub const ID_BYTES_MAX: usize = 64;

/// A payload that is decoded; larger ones are rejected as `too_large`. An offline day of one sensor fits many times.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// The announced MQTT Maximum Packet Size: up to here a too large publish is acknowledged, above it the connection ends.
pub const PACKET_BYTES_MAX: usize = 1024 * 1024;
/// A packet from another broker that ingest subscribes to. Payloads above `PAYLOAD_BYTES_MAX` are refused and acknowledged; one that cannot
/// even be read would come again for ever under MQTT 3.1.1, so this is far above what a broker lets sensors send.
pub const BRIDGE_PACKET_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Unacknowledged publishes that another broker may have open towards ingest (MQTT 5 Receive Maximum): they come again when ingest
/// dies, and 1,024 at 8 ms of fsync are still over 100,000 a second.
pub const BRIDGE_INFLIGHT: u16 = 1_024;
/// Elements of one native array: a day at one reading a minute and a half.
pub const ELEMENTS_MAX: usize = 1_000;
/// What is kept of a payload that is refused unread (`too_large`, `not_authorised`, `unknown_topic`).
pub const REFUSED_HEAD_BYTES_MAX: usize = 4 * 1024;
/// Such refusals that are journaled whole a second; the excess is counted only, so that refusing stays cheaper than sending.
pub const REFUSED_KEPT_PER_SECOND: u32 = 100;
/// How long refusals are summed up before the sum is journaled: whoever sent them waits for it.
pub const REFUSALS_SUMMED_FOR: Duration = Duration::from_millis(50);
/// Between two tries of what the journal could not write.
pub const UNWRITABLE_PAUSE: Duration = Duration::from_secs(1);
/// Different topics whose further refusals are summed up each by itself; the others share one sum.
pub const REFUSED_TOPICS_SUMMED_MAX: usize = 256;
/// MQTT's own limit of a topic.
pub const TOPIC_BYTES_MAX: usize = 65_535;
/// Nesting of JSON and CBOR: ours need 3.
pub const PAYLOAD_DEPTH_MAX: usize = 32;
/// Text kept of a field such as `gateway` and of a rejection's detail.
pub const GATEWAY_BYTES_MAX: usize = 64;
pub const DETAIL_BYTES_MAX: usize = 256;

/// Readings before this are a device without a clock (2000-01-01T00:00:00Z, in microseconds).
pub const OBSERVED_MICROS_MIN: i64 = 946_684_800_000_000;
/// The last instant that can be printed with any offset (9999-12-30T22:00:00.999999Z): a later one is no instant.
pub const OBSERVED_MICROS_MAX: i64 = 253_402_207_200_999_999;
/// What one reading may cover: a leap year.
pub const AVG_S_MAX: u32 = 366 * 86_400;
/// How far ahead of the server a reading may be (configurable); beyond it is held as `future`.
pub const FUTURE_DEFAULT: Duration = Duration::from_secs(5 * 60);

/// Sensors known to one city, registered or provisional: bounds the pipeline's state against invented ids.
pub const SENSORS_MAX: usize = 4_000_000;
/// Erased periods of one sensor that are remembered: each reading is compared with all of them.
pub const ERASED_PERIODS_MAX: usize = 1_000;
/// Held rejections (`future`, `unknown_sensor`) that are remembered for taking by themselves.
pub const HELD_MAX: usize = 1_000_000;

/// One journal record: the largest packet and its envelope.
pub const RECORD_BYTES_MAX: usize = PACKET_BYTES_MAX + 128 * 1024;
/// A journal segment is closed at this size: trim frees space in such steps.
pub const SEGMENT_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes that may wait for one fdatasync before appends are held back.
pub const JOURNAL_PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The newest journal bytes that a tail reads from memory.
pub const JOURNAL_HOT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Records that the pipeline takes in one step, and elements, however few records hold them: readers of the state wait for a step a few
/// milliseconds at most.
pub const SLICE_RECORDS_MAX: usize = 1_024;
pub const SLICE_ELEMENTS_MAX: usize = 8_192;
/// Bytes that the pipeline reads at once.
pub const SLICE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Rows not yet committed that make a commit due before its time.
pub const COMMIT_ROWS_MAX: usize = 1_000_000;
/// Bytes of rows not yet committed that make a commit due before its time: a dead letter may hold a thousand times what a reading does.
pub const COMMIT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Hot rows kept in memory, committed or not, and their bytes; the pipeline waits for commits beyond either.
pub const HOT_ROWS_MAX: usize = 8_000_000;
pub const HOT_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// Above either a chunk of hot rows is not merged any more: a row is copied a few times only, and no column outgrows its offsets.
pub const HOT_CHUNK_ROWS_MAX: usize = 65_536;
pub const HOT_CHUNK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long committed rows stay hot: a query that began on the former lake version finds them.
pub const HOT_KEPT: Duration = Duration::from_secs(60);
/// Changes of the live state that its followers may be behind: they look twice a second, and the fastest intake brings 100,000 a second.
pub const LIVE_CHANGES_MAX: usize = 262_144;
/// Values under a sensor's newest instant that are kept at hand; more of them, one a length of averaging, are looked up as older ones are.
pub const AT_MARK_MAX: usize = 64;
/// Memory of the duplicate look-up (sensor and day key sets).
pub const DEDUPE_CACHE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Client connections of the front.
pub const CONNECTIONS_MAX: usize = 20_000;
/// Unacknowledged publishes a client may have open towards the front (MQTT 5 Receive Maximum).
pub const RECEIVE_MAXIMUM: u16 = 1_000;
/// Client connections from one address beyond this machine: a mobile network shows many sensors as one.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 2_000;
/// Clients over a limit that are told why at a time; more are closed without a word.
pub const TURNED_AWAY_AT_ONCE_MAX: usize = 64;
/// Publishes a second of one client beyond this machine: a gateway of 60,000 sensors that report once a minute.
pub const PUBLISHES_PER_SECOND_MAX: u32 = 1_000;
/// What a client may send at once, in seconds' worth of its rate.
pub const PUBLISH_BURST_S: u64 = 10;
/// Topic aliases of one connection, each direction by itself.
pub const TOPIC_ALIAS_MAX: u16 = 64;
/// Bytes of the topics that they stand for: 500 each, where a reading's topic has 50.
pub const TOPIC_ALIASES_BYTES_MAX: usize = 32 * 1024;
/// Bytes of one connection that may wait for their fsync before its socket is no longer read.
pub const CONNECTION_PENDING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Publishes of one connection that may wait for their fsync before its socket is no longer read.
pub const CONNECTION_PENDING_MAX: usize = 16 * 1024;
/// Bytes of one connection that may wait for its client to read them before its socket is no longer read.
pub const CONNECTION_OUTPUT_BYTES_MAX: usize = 256 * 1024;
/// What one WebSocket frame from the front carries.
pub const WEBSOCKET_FRAME_BYTES_MAX: usize = 64 * 1024;
/// A client identifier; the protocol would allow 65,535 bytes.
pub const CLIENT_ID_BYTES_MAX: usize = 255;
/// A CONNECT with its will and properties.
pub const CONNECT_BYTES_MAX: usize = 512 * 1024;
/// From TCP accept to a complete CONNECT.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// A socket that is silent for so long is probed by the kernel, so often and so many times: two minutes to notice one that is gone.
pub const PEER_SILENCE_MAX: Duration = Duration::from_secs(60);
pub const PEER_PROBE_EVERY: Duration = Duration::from_secs(15);
pub const PEER_PROBES: u32 = 4;
/// What a leaving connection may take to read its last acknowledgements.
pub const FAREWELL_MAX: Duration = Duration::from_secs(5);
/// Sessions that outlive their connections.
pub const SESSIONS_MAX: usize = 100_000;
/// Subscriptions of one session.
pub const SUBSCRIPTIONS_PER_SESSION_MAX: usize = 1_000;
/// Bytes of the filters of one session: 260 each.
pub const SUBSCRIPTIONS_BYTES_MAX: usize = 256 * 1024;
/// Bytes that lasting sessions, their subscriptions and the wills of all clients take in memory: 2.5 kB for each of as many sessions.
pub const SESSION_STORE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Retained messages of one broker.
pub const RETAINED_MAX: usize = 1_000_000;
/// Bytes of retained messages.
pub const RETAINED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Messages, and bytes, that wait in memory for one subscriber; what is behind them waits in the journal.
pub const FEED_MESSAGES_MAX: usize = 1_000;
pub const FEED_BYTES_MAX: usize = 1024 * 1024;
/// Unacknowledged messages that a subscriber is sent at most, whatever it would take.
pub const SUBSCRIBER_WINDOW_MAX: u16 = 256;
/// Subscribers that read the journal at a time to catch up.
pub const CATCH_UP_READERS_MAX: usize = 2;
/// Live (QoS 0) messages, and their bytes, that wait for one subscriber's socket before it is disconnected.
pub const LIVE_QUEUE_MESSAGES_MAX: usize = 100_000;
pub const LIVE_QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of live messages that wait for all subscribers' sockets together; beyond it whoever has more than its share waiting is disconnected.
pub const LIVE_QUEUES_BYTES_MAX: usize = 256 * 1024 * 1024;
pub const LIVE_QUEUE_SHARE_BYTES: usize = 256 * 1024;
/// Bytes on their way through the live engine to one subscriber before the dispatcher waits for it.
pub const LIVE_LAG_BYTES_MAX: u64 = 512 * 1024;
/// How long the dispatcher waits for a subscriber before it is cut off instead.
pub const LIVE_LAG_MAX: Duration = Duration::from_secs(1);
/// What one filter of the live engine keeps: more than the allowed lag, a batch and the largest message, so that it never
/// overwrites what a subscriber has still to get.
pub const LIVE_FILTER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Messages that are handed out to online subscribers in one step, and their bytes.
pub const DISPATCH_RECORDS_MAX: usize = 4_096;
pub const DISPATCH_BYTES_MAX: usize = 512 * 1024;
/// Batches of messages that wait for the live engine before the dispatcher does.
pub const LIVE_BATCHES_MAX: usize = 4;
/// Topics that one live engine remembers for ever: about 150 bytes each.
pub const LIVE_ENGINE_TOPICS_MAX: usize = 1_000_000;
/// Links and filters ever made in one live engine, which frees neither: 15 kB each.
pub const LIVE_ENGINE_AGE_MAX: u64 = 20_000;
/// After a restart a will waits this long for its client to come back, or for its own delay if that is longer.
pub const WILL_GRACE: Duration = Duration::from_secs(5);
/// How much journal, and how long, a persistent session may hold back before it ends.
pub const SESSION_BACKLOG_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
pub const SESSION_BACKLOG_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Grants of each kind that one device holds: a gateway lists its sensors, or says their common beginning.
pub const GRANTS_MAX: usize = 1_000;
/// Memory that hashing one password takes, KiB, and how often it is gone over: what OWASP recommends for Argon2id (2023); 20 ms here.
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1024;
pub const PASSWORD_PASSES: u32 = 2;
/// Passwords that are hashed at a time, so that a storm of logins leaves memory and a core to readings.
pub const PASSWORD_CHECKS_MAX: usize = 2;
/// Clients that wait for their password to be checked; more are told to come again. Ten seconds of checks.
pub const PASSWORD_CHECKS_WAITING_MAX: usize = 1_000;
/// A longer password is a mistake or an attack.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// How long a password that was right counts as right without hashing it again: a reconnect storm after a network failure.
pub const PASSWORD_REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// Failed logins of one user from one address before further ones are not even checked, and of one address whoever it says it is.
pub const LOGIN_FAILURES_MAX: u32 = 5;
pub const ADDRESS_FAILURES_MAX: u32 = 50;
/// The pause after that many failures; each further failure doubles it up to the longest. Without failures for the longest all is forgotten.
pub const LOGIN_PAUSE: Duration = Duration::from_secs(1);
pub const LOGIN_PAUSE_MAX: Duration = Duration::from_secs(300);
/// Pairs of address and user whose failures are remembered: 100 bytes each. Beyond it the oldest are forgotten.
pub const LOGIN_FAILURES_REMEMBERED_MAX: usize = 100_000;
/// How long a change of credentials by a command may take to be seen by a running server.
pub const CREDENTIALS_LOOK: Duration = Duration::from_millis(500);
/// How long a certificate that was put in another's place may take to be shown.
pub const CERTIFICATES_LOOK: Duration = Duration::from_secs(10);

/// From a connection's first instant, or its last answer, to the whole head of a request: who says nothing gives up the place.
pub const HTTP_HEAD_WAIT_MAX: Duration = Duration::from_secs(20);
/// A request's line and headers: the longest cursor is a few hundred bytes.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long a request's body may pause, and how long a caller may read nothing of an answer: a mobile network comes back within it.
pub const HTTP_STALL_MAX: Duration = Duration::from_secs(30);
/// One HTTP request body: NDJSON imports are streamed and not bound by it.
pub const HTTP_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A whole city's registry in one edit: a million bays with their sites are 220 MB of GeoJSON at their plainest, and twice that with
/// features, closings and properties of the city's own.
pub const HTTP_REGISTRY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Such a body comes in alone, within this time: 512 MiB at 5 Mbit/s.
pub const HTTP_LARGE_BODY_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// How long one waits for its turn before it is sent away for now.
pub const HTTP_TURN_WAIT_MAX: Duration = Duration::from_secs(30);
/// What one record of an edit in parts carries: a million bays are some 30 of them, compressed.
pub const REGISTRY_PART_BYTES: usize = 1024 * 1024;
/// From the first part of an edit to its last; one that takes longer was given up by its author, and is forgotten.
pub const REGISTRY_EDIT_OPEN_MAX: Duration = Duration::from_secs(10 * 60);
/// Rows, time and memory of one SQL question.
pub const SQL_ROWS_MAX: usize = 100_000;
pub const SQL_TIME_MAX: Duration = Duration::from_secs(30);
pub const SQL_MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The text of one SQL question.
pub const SQL_BYTES_MAX: usize = 64 * 1024;
/// Words between two commas of a question, brackets among them included: an expression is at most as deep, and whatever is done to it
/// is done by recursion. Five hundred comparisons in a row.
pub const SQL_WORDS_IN_A_ROW_MAX: usize = 2_000;
/// Tables and queries within one question, those behind a name as often as the name is used: planning goes over them many times.
pub const SQL_TABLES_MAX: usize = 64;
/// The stack of a thread that answers questions: 32 KiB for each level of the deepest expression. Only what is used takes memory.
pub const ENGINE_STACK_BYTES: usize = 64 * 1024 * 1024;
/// All columns of the rows that go through a statement together: what its operators do not count as theirs.
pub const SQL_STEP_BYTES_MAX: usize = 512 * 1024 * 1024;
/// So many rows go together at most, as they lie in a file, and at least, so that it goes on at all.
pub const SQL_STEP_ROWS_MAX: usize = 8_192;
pub const SQL_STEP_ROWS_MIN: usize = 16;
/// A text that a function makes in a statement that has no longer one itself.
pub const SQL_VALUE_BYTES_MAX: usize = 2_048;
/// What one row of dead letters or of the registry is taken for: few are larger, and none by more than four times.
pub const SQL_WIDE_VALUE_BYTES: usize = 64 * 1024;
/// What one SQL answer holds before it is written: 100,000 rows of readings are 30 MB, and few of them may be payloads.
pub const SQL_ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Files that are read once more to say which of them an answer failed on: some seconds.
pub const DAMAGE_LOOK_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Lines of an import, and their bytes, that are made durable together: many share one fsync, and a live message waits for few.
pub const IMPORT_BATCH_LINES_MAX: usize = 1_000;
pub const IMPORT_BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How far back a bay's readings are looked for before the span that was asked for, and how many: a year of one a minute is half as many.
pub const BAY_LOOK_BACK_MAX: Duration = Duration::from_secs(366 * 86_400);
pub const BAY_READINGS_MAX: usize = 1_000_000;
/// Windows or readings of one answer: two years of hours.
pub const AIR_ITEMS_MAX: usize = 18_000;
/// Indices of one answer, each with its pollutants: a year of hours.
pub const AQI_ITEMS_MAX: usize = 9_000;
/// The longest span whose exceedances are looked for at once.
pub const EXCEEDANCES_SPAN_MAX: Duration = Duration::from_secs(5 * 366 * 86_400);
/// Samples of air in memory at once: a month of one station's minutes, of a dozen quantities.
pub const SAMPLES_AT_ONCE: usize = 500_000;
/// Readings of a day that are counted for the completeness of one page of sensors: a thousand of them every minute or two.
pub const COUNTED_READINGS_MAX: usize = 1_000_000;
/// The longest stay whose cost is computed, minutes: a month.
pub const STAY_MIN_MAX: u32 = 31 * 24 * 60;
/// Between two looks at what changed when nobody asks: the next question then finds a few hundred changes, some tenths of a millisecond.
pub const BOARD_EVERY: Duration = Duration::from_millis(25);
/// Places that one question for places near a point looks at: some milliseconds. Behind them nothing is looked at, and the answer says so.
pub const NEAR_VISITED_MAX: usize = 20_000;
/// Layouts that a registry keeps at hand: now, and the spans that late readings and reports ask about.
pub const REGISTRY_LAYOUTS_MAX: usize = 4;
/// Objects of one registry import.
pub const REGISTRY_OBJECTS_MAX: usize = 2_000_000;

/// Parquet footers and page indexes kept open for look-ups: some tens of KiB each.
pub const LAKE_FOOTERS_MAX: usize = 1_024;
/// Rows that a merge or a check decodes at once of one file.
pub const LAKE_BATCH_ROWS_MAX: usize = 8_192;
/// Bytes of rows that a merge puts together before it writes them.
pub const LAKE_MERGE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Bytes of decoded long rows (payloads, shapes) that all files of one merge or check hold together.
pub const LAKE_WALK_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Encoded bytes of a row group of long rows: a writer gathers one, a merge fetches one of each of its files.
pub const LAKE_LONG_ROW_GROUP_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of rows that are put together for one file, far below the 2 GiB that a column's offsets reach.
pub const LAKE_FILE_ROWS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Connections that ingest's link takes at a time: a few processes of query, each with its calls under way.
pub const LINK_CONNECTIONS_MAX: usize = 256;
/// Calls that one process of query has under way at ingest; more wait for their turn.
pub const LINK_CALLS_MAX: usize = 64;
/// A message of the link before its body: the positions of an import's batch and a thousand changed targets are far below.
pub const LINK_HEAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A message's body: a whole registry as a file, twice as large as the largest edit.
pub const LINK_BODY_BYTES_MAX: usize = 2 * HTTP_REGISTRY_BYTES_MAX;
/// What one part of the running state holds on its way to query: few enough that the pipeline never waits long for the copy.
pub const LINK_PART_ITEMS_MAX: usize = 8_192;
/// Arrow buffers of one part of hot rows; a part of one row may be larger.
pub const LINK_PART_ROWS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Between two tellings while readings come in: far below the second of LIVE-1.
pub const LINK_EVERY: Duration = Duration::from_millis(50);
/// Between two tellings while nothing happens: a sign of life.
pub const LINK_BEAT: Duration = Duration::from_millis(250);
/// Without a sign of life for this long the other side is given up.
pub const LINK_SILENCE_MAX: Duration = Duration::from_secs(5);
/// From here on what query knows is told to be old: a second is LIVE-1's, several beats have then failed to come.
pub const LINK_AWAY_AFTER: Duration = Duration::from_secs(1);
