//! The page around the figures.

use std::fmt::{self, Write as _};

use super::figures::{self, Figure, Key};
use super::keeping;
use super::scale::{Tile, Unit, nanos, number, percent, so_many};
use crate::experiment::{Details, LookupFigures, Summary};

/// The style sheet.
const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(super) fn write(command: &str, summary: &Summary, details: &Details) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    match fill(&mut page, command, summary, details) {
        Ok(()) | Err(fmt::Error) => page,
    }
}

fn fill(page: &mut String, command: &str, summary: &Summary, details: &Details) -> fmt::Result {
    let nodes = usize::try_from(summary.nodes).unwrap_or(usize::MAX);
    let title = format!("A simulated network of {}", so_many(nodes, "node", "nodes"));
    let words: Vec<String> = command
        .split(' ')
        .map(|word| format!("<span>{}</span>", Escaped(word)))
        .collect();
    write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<pre class=\"command\"><code>{}</code></pre>\n\
         <dl class=\"run\"><div><dt>version</dt><dd>{}</dd></div>\
         <div><dt>seed</dt><dd>{}</dd></div>\
         <div><dt>trace hash</dt><dd>{}</dd></div></dl>\n</header>\n",
        words.join(" "),
        Summary::VERSION,
        details.seed,
        summary.trace_hash,
    )?;
    tiles(page, summary)?;
    let figures = figures::all(details);
    if !figures.is_empty() {
        page.push_str("<section class=\"figures\">\n");
        for shown in figures {
            figure(page, &shown)?;
        }
        page.push_str("</section>\n");
    }
    table(page, summary)?;
    let plan = summary.plan.to_string();
    writeln!(
        page,
        "<section>\n<h2>The plan</h2>\n<pre class=\"plan\"><code>{}</code></pre>\n</section>",
        Escaped(plan.trim_end())
    )?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

/// The few figures that are looked at first.
fn tiles(page: &mut String, summary: &Summary) -> fmt::Result {
    let mut tiles = Vec::new();
    if let Some(lookups) = &summary.lookup_figures {
        tiles.extend(lookup_tiles(lookups));
    } else if summary.lookups > 0 {
        nothing(page, "No lookup of this run had anybody to find.")?;
    } else if summary.keeping.is_none() {
        nothing(page, "Nothing was looked up in this run.")?;
    }
    tiles.extend(summary.keeping.iter().flat_map(keeping::tiles));
    if tiles.is_empty() {
        return Ok(());
    }
    page.push_str("<dl class=\"tiles\">\n");
    for (name, value) in tiles {
        let value = Escaped(&value);
        writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")?;
    }
    page.write_str("</dl>\n")
}

fn lookup_tiles(lookups: &LookupFigures) -> Vec<Tile> {
    let unit = Unit::of_time(lookups.latency.p99);
    let time = |span| format!("{} {}", number(unit.of(nanos(span))), unit.name);
    vec![
        ("found the closest", percent(lookups.success_rate)),
        ("exactly the K closest", percent(lookups.exact_rate)),
        ("latency p50", time(lookups.latency.p50)),
        ("latency p99", time(lookups.latency.p99)),
        ("hops", number(lookups.hops_mean)),
        ("datagrams a lookup", number(lookups.datagrams_mean)),
    ]
}

fn nothing(page: &mut String, why: &str) -> fmt::Result {
    writeln!(page, "<p class=\"nothing\">{why}</p>")
}

fn figure(page: &mut String, figure: &Figure) -> fmt::Result {
    let Figure {
        title,
        says,
        key,
        plot,
    } = figure;
    let says = Escaped(says);
    writeln!(
        page,
        "<figure>\n<figcaption><h2>{title}</h2><p>{says}</p></figcaption>"
    )?;
    if let Key::Two(first, second) = key {
        writeln!(
            page,
            "<p class=\"key\"><span class=\"first\">{first}</span> \
             <span class=\"second\">{second}</span></p>"
        )?;
    }
    match plot {
        Ok(svg) => writeln!(
            page,
            "<div role=\"img\" aria-label=\"{title}\">\n{svg}</div>"
        )?,
        Err(error) => {
            let error = error.to_string();
            writeln!(page, "<p>It could not be drawn: {}.</p>", Escaped(&error))?;
        }
    }
    page.write_str("</figure>\n")
}

/// The table that the command prints, row by row.
fn table(page: &mut String, summary: &Summary) -> fmt::Result {
    page.push_str("<section>\n<h2>All figures</h2>\n<table>\n");
    for line in summary.to_string().lines() {
        let part = if line.starts_with(' ') {
            " class=\"part\""
        } else {
            ""
        };
        let line = line.trim();
        // At least two spaces stand between a name and its figure.
        let (name, figure) = line.split_once("  ").unwrap_or((line, ""));
        writeln!(
            page,
            "<tr><th scope=\"row\"{part}>{}</th><td>{}</td></tr>",
            Escaped(name),
            Escaped(figure.trim())
        )?;
    }
    page.write_str("</table>\n</section>\n")
}

/// Text with the characters escaped that mean something in HTML.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // HTML does not allow these, not even escaped.
                char if char.is_control() && char != '\n' && char != '\t' => {
                    f.write_char('\u{FFFD}')?;
                }
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
