//! Plans that are kept: each is a story that once went wrong, or must not. They are run again under
//! all checks.

use std::fs;
use std::path::{Path, PathBuf};

use khashmir_sim::experiment::MachineFactory;
use khashmir_sim::plan::{Action, Ask, Plan, Step};
use khashmir_sim::swarm;

/// The files in `sim/plans/`, in the order of their names.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    let entries = fs::read_dir(folder).expect("the folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "plan"));
    files.sort();
    files
}

fn read(file: &Path) -> (String, Plan) {
    let text = fs::read_to_string(file).expect("text");
    let plan = text.parse();
    let plan = plan.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    (text, plan)
}

#[test]
fn kept_plans_violate_nothing_on_one_thread_and_on_two() {
    let files = files();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let (_, plan) = read(&file);
        let trial = swarm::twice(&plan, &MachineFactory::default(), [1, 2]);
        let trial = trial.unwrap_or_else(|senseless| panic!("{}: {senseless}", file.display()));
        assert_eq!(trial.violations, [], "{}", file.display());
    }
}

#[test]
fn kept_plans_say_what_they_are_for_and_have_something_to_violate_at_their_end() {
    for file in files() {
        let (text, plan) = read(&file);
        assert!(text.starts_with("# "), "{}", file.display());
        let last = plan.steps.iter().map(|step| step.at).max();
        assert!(
            plan.healed.is_none() || plan.healed >= last,
            "{}: a step comes after the healing, and would be left out",
            file.display()
        );
        let expects = |step: &Step| matches!(step.action, Action::Ask(_, Ask::Expect(..)));
        let is_whole = plan.whole.is_some() && plan.whole >= last;
        let is_read = plan.steps.last().is_some_and(expects);
        assert!(
            plan.healed.is_some() || is_whole || is_read,
            "{}: nothing is checked at its end",
            file.display()
        );
    }
}
