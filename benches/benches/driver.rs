//! Measures how many answers a node behind real sockets gives in a second of its processor, beside
//! a loop that only echoes datagrams of the same size, under the same load and in turns.

use std::error::Error;
use std::time::Duration;

use khashmir_benches::load::{Load, Rate, median};
use khashmir_benches::servers::{Echo, Ours, question};

/// Contacts of the node.
const CONTACTS: usize = 150;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    if !words.is_empty() && !words.iter().any(|word| "driver".contains(word.as_str())) {
        return Ok(());
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (turns, span) = if quick {
        (3, Duration::from_millis(200))
    } else {
        (9, Duration::from_millis(800))
    };
    let ours = Ours::start(CONTACTS)?;
    let mut ours_load = Load::new(ours.addr(), &question())?;
    let answer = ours_load.ask()?;
    let echo = Echo::start(answer.clone())?;
    let mut echo_load = Load::new(echo.addr(), &question())?;
    println!(
        "find_node over loopback, {CONTACTS} contacts: {} bytes in, {} out; {turns} turns of {span:?}",
        question().len(),
        answer.len()
    );
    let mut rates = Vec::new();
    for _ in 0..turns {
        let echoed = echo_load.run(span, || echo.cpu())?;
        rates.push((echoed, ours_load.run(span, || ours.cpu())?));
    }
    let per = |rate: &Rate| rate.per_cpu_second();
    let echoed = median(rates.iter().map(|(echo, _)| per(echo)));
    let answered = median(rates.iter().map(|(_, ours)| per(ours)));
    let ratio = median(rates.iter().map(|(echo, ours)| per(ours) / per(echo)));
    println!(
        "{:<26}{echoed:>10.0} answers a CPU second",
        "bare mio echo loop"
    );
    println!("{:<26}{answered:>10.0}", "khashmir");
    println!("{:<26}{ratio:>10.2} median of the turns' own", "ratio");
    Ok(())
}
