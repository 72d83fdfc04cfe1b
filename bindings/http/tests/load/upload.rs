//! What a file costs in memory while it is handed up.

use serde_json::json;

use crate::client::Client;
use crate::memory;
use crate::served::{NOW, Served, Somebody};

/// Bytes of the file.
const SIZE: usize = 20_000_000;
/// Bytes that the client sends at once.
const PIECE: usize = 64 << 10;

/// A file is held once: not as text, and not as what the text is read to. The client makes its pieces as it goes.
pub(crate) fn a_file_is_held_once() {
    let served = Served::with(200, "");
    let ward = served.store.ward();
    let somebody = Somebody::of(&ward, served.store.world());
    let status = served.clients.block_on(async {
        let mut client = Client::new(served.at).await;
        let head = |size: usize| {
            format!(
                "POST /v1/records/Case/{}/file?name=a.bin HTTP/1.1\r\nhost: localhost\r\nx-caseward-user: {}\r\n\
                 content-type: application/pdf\r\ncontent-length: {size}\r\n\r\n",
                somebody.written, somebody.id
            )
        };
        // Whatever is made once is made before.
        client.send(head(1_000).as_bytes()).await;
        client.send(&[b'x'; 1_000]).await;
        let small = client.answer().await;
        let before = memory();
        client.send(head(SIZE).as_bytes()).await;
        let piece = vec![b'y'; PIECE];
        let mut left = SIZE;
        while left > 0 {
            let count = left.min(PIECE);
            client.send(&piece[..count]).await;
            left -= count;
        }
        let large = client.answer().await;
        if let (Some((before, _)), Some((_, most))) = (before, memory()) {
            let times = most.saturating_sub(before) as f64 / SIZE as f64;
            println!("a file of {} MB is held {times:.2} times", SIZE / 1_000_000);
            assert!(times < 1.6, "{times}");
        }
        (small, large)
    });
    assert_eq!(status, (200, 200), "{}", json!({"now": NOW}));
}
