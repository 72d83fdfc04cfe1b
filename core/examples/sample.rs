//! Makes sample worlds and prints what they take: `cargo run --release --example sample -- 1000 100000`.

use std::time::Instant;

use caseward::Ward;
use caseward::attendance::Sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ward = Ward::attendance()?;
    for cases in std::env::args().skip(1) {
        let start = Instant::now();
        let world = Sample { cases: cases.parse()?, seed: 1 }.build(&ward, &mut |_| {})?;
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{cases} cases: {seconds:.2} s, {} MB, {} MB of it text",
            mb(world.bytes()),
            mb(world.text_bytes())
        );
        for ty in ["School", "Provider", "User", "Student", "Request", "Case", "Item", "Register", "Report"] {
            println!("  {:>9} {ty}", world.count(ty));
        }
    }
    Ok(())
}

fn mb(bytes: usize) -> usize {
    bytes / 1_000_000
}
