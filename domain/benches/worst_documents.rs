//! What the worst documents cost that the limits allow: `cargo bench -p domain --bench worst_documents [NAME]`.

#[path = "../tests/it/worst/mod.rs"]
mod worst;

use std::time::Instant;

use domain::definition::Definition;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for (name, document) in worst::documents() {
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        let bytes = serde_json::to_string(&document).map_or(0, |text| text.len());
        let (saved, made) = measured(|| Definition::new(&document));
        let (read, _) = measured(|| Definition::of_saved(&document));
        let said = match made {
            Ok(_) => "accepted".to_owned(),
            Err(all) => format!("{} violations: {} {:.160}", all.len(), all[0].path, all[0].message),
        };
        println!("{name:34} {bytes:7} bytes, saved {saved:8.2} ms, read again {read:6.2} ms, {said}");
    }
}

/// The shortest of some times, in milliseconds, and what was made.
fn measured<T>(make: impl Fn() -> T) -> (f64, T) {
    let once = || {
        let began = Instant::now();
        let made = make();
        (began.elapsed().as_secs_f64() * 1e3, made)
    };
    let mut best = once();
    for _ in 0..2 {
        let next = once();
        if next.0 < best.0 {
            best = next;
        }
    }
    best
}
