//! The file store: one suite over a folder and over servers that speak the clouds' protocols.
#![expect(clippy::unwrap_used, reason = "tests")]

mod addresses;
mod folder;
mod kept;
mod outage;
mod pages;
mod settings;
mod suite;
