//! Measures how long it takes to compute the worlds in which lookups are seen to converge.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use khashmir_benches::convergence::{Cell, Weather};
use khashmir_sim::plan::Preset;

const NODES: u32 = 1000;
const LOOKUPS: u32 = 200;

fn worlds(c: &mut Criterion) {
    let mut group = c.benchmark_group("convergence");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(LOOKUPS.into()));
    let adaptive = Weather::ALL.map(|weather| (weather, Preset::Adaptive));
    let others = [Preset::Late, Preset::Early].map(|preset| (Weather::Dead50, preset));
    for (weather, preset) in adaptive.into_iter().chain(others) {
        let cell = Cell {
            nodes: NODES,
            weather,
            preset,
            alpha: preset.config().alpha,
        };
        group.bench_function(BenchmarkId::new(preset.name(), weather), |b| {
            b.iter(|| cell.measure(1, LOOKUPS, 1));
        });
    }
    group.finish();
}

criterion_group!(convergence, worlds);
criterion_main!(convergence);
