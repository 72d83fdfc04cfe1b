//! Serves tickets: `cargo run -- tickets.db`, in this folder.

use std::path::Path;
use std::time::Duration;

use example_service::{App, Failure, deliver, router};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let db = std::env::args().nth(1).unwrap_or_else(|| "tickets.db".to_owned());
    let opened = App::open(Path::new("policies"), Path::new(&db));
    let app = opened.map_err(|Failure(_, why)| std::io::Error::other(why))?;
    let telling = app.clone();
    tokio::spawn(async move {
        loop {
            // Print it; a service of your own posts it, and says whether it was taken.
            let _ = deliver(&telling, |told| {
                println!("{told}");
                true
            })
            .await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let listener = TcpListener::bind("127.0.0.1:8190").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(app)).await
}
