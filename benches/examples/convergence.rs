//! Measures how lookups converge, and writes it down as tables and plots.
//!
//! `cargo run --release -p khashmir-benches --example convergence`: other sizes, weathers and alphas.
//! `cargo run --release -p khashmir-benches --example convergence curve`: over the share of the dead,
//! losses and churn. `… convergence guard` holds a part of that curve to its bounds.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use khashmir_benches::convergence::{Cell, Row, plot, ratios, snapshot, snapshot_path, table, tsv};
use khashmir_benches::curve::{self, Curve, Grid, Sample, Verdict, World};
use khashmir_sim::network::Latency;
use khashmir_sim::plan::Preset;

/// Measures how lookups converge in simulated worlds of other sizes, weathers, presets and alphas
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    cells: Cells,
}

#[derive(Subcommand)]
enum Action {
    /// Draw the curve of lookups over the share of the dead, over losses and over churn
    Curve(CurveOptions),
    /// Hold a part of the curve to its bounds: exit code 1 if one is broken
    Guard {
        /// Worlds that are computed at a time
        #[arg(long, default_value_t = 2)]
        jobs: usize,
    },
}

#[derive(Args)]
struct Cells {
    /// Nodes of the worlds, with commas between
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    nodes: Vec<u32>,
    /// Worlds of 100000 nodes as well
    #[arg(long)]
    large: bool,
    /// Lookups of each cell
    #[arg(long, default_value_t = 2000)]
    lookups: u32,
    /// Where chance starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that compute; more than one pay in large worlds only, and the figures are the same
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Where the tables and the plot go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/convergence"))]
    out: PathBuf,
    /// Where a copy of the plot goes
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Only write the tables of small worlds anew that the tests hold the code to
    #[arg(long)]
    snapshot: bool,
}

#[derive(Args)]
struct CurveOptions {
    /// Nodes of the worlds
    #[arg(long, default_value_t = 2000)]
    nodes: u32,
    /// A latency model; may be given several times, the first also with churn [geo, constant:50ms]
    #[arg(long, value_name = "MODEL")]
    latency: Vec<Latency>,
    /// The settings of the nodes, with commas between
    #[arg(long, value_delimiter = ',', default_value = "adaptive,late,early")]
    preset: Vec<Preset>,
    /// From one share of the dead to the next, in percent
    #[arg(long, default_value_t = 2.5)]
    step: f64,
    /// Lookups of each world and seed, each of another node: two of five nodes [of the world]
    #[arg(long)]
    lookups: Option<u32>,
    /// Where chance starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds each world is computed with; the figures are those of all
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Worlds that are computed at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Where the tables and the plots go
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/convergence"))]
    out: PathBuf,
    /// Where a copy of the plot of the first latency goes
    #[arg(long)]
    plot: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.action {
        Some(Action::Curve(curve)) => curve.draw().map(|()| ExitCode::SUCCESS),
        Some(Action::Guard { jobs }) => guard(*jobs),
        None => options.cells.run().map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("convergence: {error}");
        if error.kind() == io::ErrorKind::InvalidInput {
            ExitCode::from(2)
        } else {
            ExitCode::FAILURE
        }
    })
}

impl Cells {
    fn run(&self) -> io::Result<()> {
        if self.snapshot {
            write(&curve::kept_path(), &curve::kept_table())?;
            write(&snapshot_path(), &snapshot())
        } else {
            self.measure()
        }
    }

    fn measure(&self) -> io::Result<()> {
        let large = self.large.then_some(100_000);
        let sizes = self.nodes.iter().copied().chain(large);
        let cells: Vec<Cell> = sizes.flat_map(Cell::of_size).collect();
        let mut rows: Vec<Row> = Vec::new();
        for (number, cell) in cells.iter().enumerate() {
            let started = Instant::now();
            rows.push(cell.measure(self.seed, self.lookups, self.threads));
            eprintln!(
                "{:>3}/{} {:>7} nodes, {}, {}, alpha {}: {:.1} s",
                number + 1,
                cells.len(),
                cell.nodes,
                cell.weather,
                cell.preset,
                cell.alpha,
                started.elapsed().as_secs_f64()
            );
        }
        let head = format!("{} lookups, seed {}\n\n", self.lookups, self.seed);
        let text = head + &table(&rows) + "\n" + &ratios(&rows);
        print!("{text}");
        fs::create_dir_all(&self.out)?;
        write(&self.out.join("convergence.txt"), &text)?;
        write(&self.out.join("convergence.tsv"), &tsv(&rows))?;
        let svg = plot(&rows).map_err(io::Error::other)?;
        if let Some(copy) = &self.plot {
            write(copy, &svg)?;
        }
        write(&self.out.join("convergence.svg"), &svg)
    }
}

impl CurveOptions {
    fn draw(&self) -> io::Result<()> {
        let mut latencies = self.latency.clone();
        if latencies.is_empty() {
            let constant = "constant:50ms".parse().map_err(io::Error::other)?;
            latencies = vec![Latency::Geo, constant];
        }
        let grid = Grid {
            nodes: self.nodes,
            latencies,
            presets: self.preset.clone(),
            step: (self.step * 10.0).round() as u32,
        };
        let sample = Sample {
            lookups: self.lookups.unwrap_or(self.nodes * 2 / 5),
            values: 0,
            seeds: self.seed..self.seed + self.seeds,
        };
        let worlds = grid.worlds().into_iter();
        let worlds: Vec<(World, Sample)> = worlds.map(|world| (world, sample.clone())).collect();
        let curve = measure(&worlds, self.jobs)?;
        let head = format!(
            "{} lookups a world and seed, seeds {} to {}\n\n",
            sample.lookups,
            sample.seeds.start,
            sample.seeds.end - 1
        );
        let text = head + &curve::table(&curve) + "\n" + &verdicts(&curve::judge(&curve));
        print(&text)?;
        fs::create_dir_all(&self.out)?;
        write(&self.out.join("curve.txt"), &text)?;
        write(&self.out.join("curve.tsv"), &curve::tsv(&curve))?;
        for (number, latency) in grid.latencies.iter().enumerate() {
            let svg = curve::plot(&curve, latency).map_err(io::Error::other)?;
            let name = latency.to_string().replace([':', ','], "-");
            write(&self.out.join(format!("curve-{name}.svg")), &svg)?;
            if let Some(copy) = self.plot.as_ref().filter(|_| number == 0) {
                write(copy, &svg)?;
            }
        }
        Ok(())
    }
}

/// Holds the guarded worlds to their bounds.
fn guard(jobs: usize) -> io::Result<ExitCode> {
    let curve = measure(&curve::guarded(), jobs)?;
    let found = curve::judge(&curve);
    print(&format!("{}\n{}", curve::table(&curve), verdicts(&found)))?;
    let broken = found.iter().filter(|verdict| !verdict.holds()).count();
    if broken > 0 {
        eprintln!("{broken} of {} bounds are broken", found.len());
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(worlds: &[(World, Sample)], jobs: usize) -> io::Result<Curve> {
    let (started, done) = (Instant::now(), AtomicUsize::new(0));
    let measured = curve::measure(worlds, jobs, &|world| {
        eprintln!(
            "{:>3}/{} {:>5} nodes, {}, {}, {}: after {:.1} s",
            done.fetch_add(1, Ordering::Relaxed) + 1,
            worlds.len(),
            world.nodes,
            world.latency,
            world.preset,
            world.trouble,
            started.elapsed().as_secs_f64()
        );
    });
    measured.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let mut text = format!(
        "{:<26} {:<26} {:>7} {:>7} {:>8}\n",
        "what", "where", "holds", "reach", "worst"
    );
    for verdict in verdicts {
        text += &format!("{verdict}\n");
    }
    text
}

/// Writes text to standard output; a reader that has closed its end has read enough.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
