//! Many appenders at once on the real disk.

use super::*;

fn system_clock() -> Arc<dyn Clock> {
    Arc::new(domain::time::SystemClock::new(|duration| Box::pin(tokio::time::sleep(duration))))
}

#[test]
fn concurrent_appends_keep_each_callers_order_and_read_back_as_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let options =
        Options { dir: dir.path().to_owned(), segment_bytes: 64 * 1024, hot_bytes_max: 16 * 1024, ..Options::default() };
    let (journal, recovery) = Journal::open(options, system_clock(), ID).expect("opens");
    assert!(recovery.created);
    let callers = 8_u32;
    let each = 1_000_u32;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    let mut tail = journal.tail(Position::START).expect("from the start");
    let reading = runtime.spawn(async move {
        let mut read = Vec::new();
        while read.len() < (callers * each) as usize {
            read.extend(tail.next(500, 100_000).await.expect("reads"));
        }
        read
    });
    let appending: Vec<_> = (0..callers)
        .map(|caller| {
            let journal = journal.clone();
            runtime.spawn(async move {
                let mut positions = Vec::new();
                let mut open = Vec::new();
                for number in 0..each {
                    journal.ready().await;
                    open.push(journal.append(caller as u8, &[caller.to_le_bytes(), number.to_le_bytes()].concat()));
                    if number % 100 == 99 {
                        for append in open.drain(..) {
                            positions.push(append.await.expect("kept"));
                        }
                    }
                }
                positions
            })
        })
        .collect();
    let mut claimed = vec![None; (callers * each) as usize];
    for (caller, appending) in appending.into_iter().enumerate() {
        let positions = runtime.block_on(appending).expect("ends");
        assert!(positions.is_sorted());
        for (number, position) in positions.into_iter().enumerate() {
            let body = [(caller as u32).to_le_bytes(), (number as u32).to_le_bytes()].concat();
            assert_eq!(claimed[position.0 as usize - 1].replace(body), None, "one position, one record");
        }
    }
    let read = runtime.block_on(reading).expect("ends");
    assert!(read.iter().map(|entry| Some(entry.body.to_vec())).eq(claimed));
    runtime.block_on(journal.close()).expect("closes");
}
