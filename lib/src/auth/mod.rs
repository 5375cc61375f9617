//! Who is calling: bearer tokens of people and programs, static secrets of connectors.
