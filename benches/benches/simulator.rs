//! Measures how fast networks are simulated: things that happen to hosts in a second, and lookups,
//! against the number of nodes and threads.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use khashmir_benches::convergence::{Cell, Weather};
use khashmir_sim::experiment::{Experiment, Summary};
use khashmir_sim::plan::{Plan, Preset};

const SIZES: [u32; 2] = [1000, 10_000];

fn worlds(c: &mut Criterion) {
    let mut group = c.benchmark_group("simulator");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    for nodes in SIZES {
        let plan = plan(nodes);
        let events = run(&plan, 1).events;
        // Criterion divides by one of them only.
        println!("simulator, {nodes} nodes: {events} events for {nodes} lookups");
        group.throughput(Throughput::Elements(events));
        for threads in [1, 2] {
            let id = BenchmarkId::new(format!("threads {threads}"), nodes);
            group.bench_function(id, |b| b.iter(|| run(&plan, threads)));
        }
    }
    group.finish();
}

/// A world in which each node looks up one target, as a mean, within a minute.
fn plan(nodes: u32) -> Plan {
    let cell = Cell {
        nodes,
        weather: Weather::Fair,
        preset: Preset::Adaptive,
        alpha: Preset::Adaptive.config().alpha,
    };
    let mut plan = cell.plan(1, nodes);
    plan.workload.duration = Duration::from_secs(60);
    plan
}

fn run(plan: &Plan, threads: usize) -> Summary {
    let experiment = Experiment {
        threads,
        ..Experiment::new(plan.clone())
    };
    experiment.run(&mut |_| {}).expect("the plan makes sense")
}

criterion_group!(simulator, worlds);
criterion_main!(simulator);
