//! The bridge on a real Apache Kafka.

mod broker;
mod groups;
mod outage;
mod produce;
mod sasl;
mod scene;
