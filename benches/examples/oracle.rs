//! Sets the lookups of the core beside those of an oracle in the same worlds.
//!
//! `cargo run --release -p khashmir-benches --example oracle`

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use clap::Parser;
use khashmir::Id;
use khashmir_benches::curve::{self, Figures, Sample, Trouble};
use khashmir_benches::oracle::{Outcome, World};
use khashmir_sim::host::HostId;
use khashmir_sim::network::{Latency, Loss};
use khashmir_sim::plan::Preset;
use khashmir_sim::random::{Draw, topic};

/// Sets lookups beside those of an oracle that knows how many contacts are dead and how round trips are
/// distributed, but not who is dead
#[derive(Parser)]
struct Options {
    /// Nodes of the worlds
    #[arg(long, default_value_t = 2000)]
    nodes: u32,
    /// The latency model
    #[arg(long, default_value = "lognormal:50ms,1.0")]
    latency: Latency,
    /// Shares of the dead, in percent, with commas between
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "0,2.5,5,10,15,20,30,40,50"
    )]
    dead: Vec<f64>,
    /// Datagrams that are lost as well: a probability
    #[arg(long)]
    loss: Option<f64>,
    /// Lookups of each world, each of another node
    #[arg(long, default_value_t = 800)]
    lookups: u32,
    /// Where chance starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How exact the oracle has to be at least, in percent; by default as exact as the core is
    #[arg(long, value_name = "PERCENT")]
    exact: Option<f64>,
    /// Show also which exactness, times and queries the oracle can choose from
    #[arg(long)]
    frontier: bool,
    /// Worlds that are computed at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// A world, with what lookups take there.
struct Row {
    dead: f64,
    share_alive: f64,
    ours: Figures,
    oracles: Vec<Outcome>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.rows().and_then(|rows| options.print(&rows)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}

impl Options {
    fn rows(&self) -> Result<Vec<Row>, String> {
        let waiting = Mutex::new(self.dead.iter().enumerate());
        let done = Mutex::new(Vec::new());
        let work = || {
            let next = || waiting.lock().ok()?.next();
            while let Some((place, dead)) = next() {
                let row = self.row(*dead);
                if let Ok(mut done) = done.lock() {
                    done.push((place, row));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(work);
            }
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, row)| row).collect()
    }

    fn row(&self, dead: f64) -> Result<Row, String> {
        let per_mille = (dead * 10.0).round() as u32;
        let trouble = match self.loss {
            None => Trouble::Dead(per_mille),
            Some(loss) => Trouble::LossAndDead(Loss::Independent(loss), per_mille),
        };
        let ours = curve::World {
            nodes: self.nodes,
            latency: self.latency.clone(),
            trouble,
            preset: Preset::Adaptive,
        };
        let sample = Sample {
            lookups: self.lookups,
            values: 0,
            seeds: self.seed..self.seed + 1,
        };
        let plan = ours.plan(&sample, self.seed);
        plan.check().map_err(|error| error.to_string())?;
        let world = World::new(&plan).map_err(|error| error.to_string())?;
        let figures = ours.measure(&sample).map_err(|error| error.to_string())?;
        let figures = figures.ok_or("no lookup was judged")?;
        Ok(Row {
            dead,
            share_alive: world.share_alive(),
            ours: figures,
            oracles: Outcome::all(&world, &self.asked(&world)),
        })
    }

    /// Who looks up what: nodes that have not looked up before, each once, as far as there are as many.
    fn asked(&self, world: &World) -> Vec<(HostId, Id)> {
        let mut draw = Draw::new(self.seed, &[topic("oracle/lookups")]);
        let mut newcomers = world.newcomers().to_vec();
        let mut asked = Vec::new();
        while asked.len() < self.lookups as usize && !newcomers.is_empty() {
            let at = usize::try_from(draw.below(newcomers.len() as u64)).unwrap_or(0);
            let mut target = [0; Id::LEN];
            for byte in &mut target {
                *byte = draw.next_u64().to_be_bytes()[0];
            }
            asked.push((newcomers.swap_remove(at), Id::new(target)));
        }
        asked
    }

    fn print(&self, rows: &[Row]) -> Result<(), String> {
        let mut text = format!(
            "{} nodes, latency {}, seed {}, {} lookups\n\n\
             {:>6} {:>7} | {:>7} {:>8} {:>8} {:>8} {:>7} | {:>7} {:>8} {:>8} {:>8} {:>7} {:>6} | {:>8} {:>6}\n",
            self.nodes,
            self.latency,
            self.seed,
            self.lookups,
            "dead %",
            "alive %",
            "exact %",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "queries",
            "exact %",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "queries",
            "ours/",
            "p50 ms",
            "ours/",
        );
        for row in rows {
            text += &self.line(row);
        }
        text += "\nalive: the share of contacts in the tables of nodes that live which live themselves.\n\
                 First the core; then the fastest oracle as exact as that; last the fastest as exact\n\
                 with no more queries than the core's. A dash: no rule of the oracle is.\n";
        if self.frontier {
            text += &format!(
                "\n{:>6} {:>7} {:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>6} {:>10}\n",
                "dead %",
                "exact %",
                "p50 ms",
                "p90 ms",
                "p99 ms",
                "queries",
                "unnamed %",
                "doubt",
                "alpha",
                "beyond"
            );
            for row in rows {
                for it in Outcome::frontier(&row.oracles) {
                    text += &format!(
                        "{:>6} {} {:>9.2} {:>9} {:>6} {:>10}\n",
                        row.dead,
                        figures(it.exact, [it.p50, it.p90, it.p99], it.queries),
                        it.unnamed * 100.0,
                        it.rule.doubt,
                        it.rule.alpha,
                        it.rule.beyond
                    );
                }
            }
        }
        match io::stdout().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    fn line(&self, row: &Row) -> String {
        let ours = &row.ours;
        let exact = self.exact.map_or(ours.exact, |percent| percent / 100.0);
        let any = Outcome::fastest(&row.oracles, exact, f64::INFINITY);
        let sparing = Outcome::fastest(&row.oracles, exact, ours.queries);
        let ratio = |it: &Outcome| ours.p50.as_secs_f64() / it.p50.as_secs_f64();
        let any = any.map_or_else(
            || {
                format!(
                    "{:>7} {:>8} {:>8} {:>8} {:>7} {:>6}",
                    "-", "-", "-", "-", "-", "-"
                )
            },
            |it| {
                let shown = figures(it.exact, [it.p50, it.p90, it.p99], it.queries);
                format!("{shown} {:>6.2}", ratio(it))
            },
        );
        let sparing = sparing.map_or_else(
            || format!("{:>8} {:>6}", "-", "-"),
            |it| format!("{:>8.1} {:>6.2}", it.p50.as_secs_f64() * 1000.0, ratio(it)),
        );
        format!(
            "{:>6} {:>7.2} | {} | {any} | {sparing}\n",
            row.dead,
            row.share_alive * 100.0,
            figures(ours.exact, [ours.p50, ours.p90, ours.p99], ours.queries),
        )
    }
}

/// An exactness, three times, and queries, as columns.
fn figures(exact: f64, times: [std::time::Duration; 3], queries: f64) -> String {
    let [p50, p90, p99] = times.map(|time| time.as_secs_f64() * 1000.0);
    format!(
        "{:>7.2} {p50:>8.1} {p90:>8.1} {p99:>8.1} {queries:>7.1}",
        exact * 100.0
    )
}
