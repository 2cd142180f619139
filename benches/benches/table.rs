//! Measures the routing table.
fn main() {}
