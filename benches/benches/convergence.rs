//! Measures how long it takes to compute the worlds in which lookups are seen to converge.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use khashmir_benches::convergence::{Cell, Weather};
use khashmir_sim::plan::Preset;

const NODES: u32 = 1000;
const LOOKUPS: u32 = 1000;

fn worlds(c: &mut Criterion) {
    let mut group = c.benchmark_group("convergence");
    group.sample_size(10);
    group.throughput(Throughput::Elements(LOOKUPS.into()));
    for weather in Weather::ALL {
        for preset in Preset::ALL {
            let cell = Cell {
                nodes: NODES,
                weather,
                preset,
                alpha: preset.config().alpha,
            };
            group.bench_function(BenchmarkId::new(weather.name(), preset), |b| {
                b.iter(|| cell.measure(1, LOOKUPS, 1));
            });
        }
    }
    group.finish();
}

criterion_group!(convergence, worlds);
criterion_main!(convergence);
