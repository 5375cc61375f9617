//! Writes what is generated of the node kinds: `cargo run -p domain --example kinds -- public/kinds.json docs/kinds`.

use std::{env, fs, path::Path};

use domain::kinds::{Kind, document};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut paths = env::args().skip(1);
    let (Some(json), Some(pages)) = (paths.next(), paths.next()) else {
        return Err("usage: kinds FILE.json FOLDER".into());
    };
    fs::write(json, format!("{:#}\n", document::kinds_json()))?;
    for kind in Kind::ALL {
        fs::write(Path::new(&pages).join(format!("{}.md", kind.name())), document::page(*kind))?;
    }
    Ok(())
}
