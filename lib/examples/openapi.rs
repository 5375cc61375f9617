//! Prints the OpenAPI document: `cargo run -p minireipaz --example openapi > openapi.json`.

fn main() -> anyhow::Result<()> {
    println!("{}", minireipaz::http::openapi().to_pretty_json()?);
    Ok(())
}
