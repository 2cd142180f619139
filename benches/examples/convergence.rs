//! Measures how lookups converge, and writes it down as tables and a plot.
//!
//! `cargo run --release -p khashmir-benches --example convergence`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use khashmir_benches::convergence::{Cell, Row, plot, ratios, snapshot, snapshot_path, table, tsv};

/// Measures how lookups converge in simulated worlds of other sizes, weathers, presets and alphas
#[derive(Parser)]
struct Options {
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
    /// Only write the table of small worlds anew that the tests hold the code to
    #[arg(long)]
    snapshot: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.snapshot {
        write(&snapshot_path(), &snapshot())
    } else {
        options.measure()
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
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

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
