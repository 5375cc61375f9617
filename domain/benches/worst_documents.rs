//! What the worst documents cost that the limits allow: `cargo bench -p domain --bench worst_documents [NAME]`.

#[path = "../tests/it/worst/mod.rs"]
mod worst;

use std::time::{Duration, Instant};

use domain::definition::Definition;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    for (name, document) in worst::documents() {
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        let bytes = serde_json::to_string(&document).map_or(0, |text| text.len());
        let mut fastest = Duration::MAX;
        let mut found = String::new();
        for _ in 0..3 {
            let began = Instant::now();
            let made = Definition::new(&document);
            fastest = fastest.min(began.elapsed());
            found = match made {
                Ok(_) => "accepted".to_owned(),
                Err(all) => format!("{} violations: {} {:.160}", all.len(), all[0].path, all[0].message),
            };
            if began.elapsed() > Duration::from_millis(500) {
                break;
            }
        }
        println!("{name:30} {bytes:7} bytes {:9.2} ms  {found}", fastest.as_secs_f64() * 1e3);
    }
}
