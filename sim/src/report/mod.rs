//! What came of a run, as one HTML page that needs nothing else: figures, plots, and the command
//! that made it.

mod bins;
mod figures;
mod keeping;
mod page;
mod plot;
mod scale;
#[cfg(test)]
mod tests;

use crate::experiment::{Details, Summary};

/// The page of a run. Equal arguments give equal pages.
///
/// `command` is the command line as the user gave it, `summary` and `details` are what came of it.
/// Plots without data are left out.
#[must_use]
pub fn html(command: &str, summary: &Summary, details: &Details) -> String {
    page::write(command, summary, details)
}
