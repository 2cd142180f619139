//! Makes a plan that fails as small as it can be and still fails.

use crate::network::{Loss, NetworkConfig, Reorder};
use crate::plan::{HostSet, Keeping, Plan, Shares, Workload};
use crate::span::Span;

/// Leaves out steps, hosts and settings for as long as the plan still fails, and gives what is left.
/// At most so many plans are tried.
pub fn shrink(plan: &Plan, tries: usize, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut shrinking = Shrinking {
        best: plan.clone(),
        left: tries,
        fails: &mut fails,
    };
    loop {
        let before = shrinking.best.clone();
        shrinking.settings();
        shrinking.steps();
        shrinking.hosts();
        if shrinking.best == before || shrinking.left == 0 {
            return shrinking.best;
        }
    }
}

struct Shrinking<'f> {
    best: Plan,
    left: usize,
    fails: &'f mut dyn FnMut(&Plan) -> bool,
}

impl Shrinking<'_> {
    /// Leaves out runs of steps, long ones first.
    fn steps(&mut self) {
        let mut length = self.best.steps.len();
        while length > 0 {
            let mut at = 0;
            while at < self.best.steps.len() {
                let mut plan = self.best.clone();
                let end = (at + length).min(plan.steps.len());
                plan.steps.drain(at..end);
                if !self.adopt(plan) {
                    at += length;
                }
            }
            length /= 2;
        }
    }

    /// Leaves out hosts, many at once first; and steps that are about them alone.
    fn hosts(&mut self) {
        let mut length = self.best.hosts.len() as usize;
        while length > 0 {
            let mut at = 0;
            loop {
                let hosts: Vec<_> = self.best.hosts.iter().skip(at).take(length).collect();
                if hosts.is_empty() {
                    break;
                }
                let gone: HostSet = hosts.into_iter().collect();
                let mut plan = self.best.clone();
                plan.hosts = plan.hosts.without(&gone);
                let hosts = plan.hosts.clone();
                let concerns = |of: &HostSet| !of.and(&hosts).is_empty();
                plan.steps
                    .retain(|step| step.action.hosts().is_none_or(concerns));
                if plan.hosts.is_empty() || !self.adopt(plan) {
                    at += length;
                }
            }
            length /= 2;
        }
    }

    /// Takes settings back to their defaults, one by one.
    fn settings(&mut self) {
        let simpler: [fn(&mut Plan); 16] = [
            |plan| plan.workload = Workload::NONE,
            |plan| plan.whole = None,
            |plan| plan.keeping = Keeping::default(),
            |plan| plan.churn = None,
            |plan| plan.network.loss = Loss::None,
            |plan| plan.network.duplicate = 0.0,
            |plan| plan.network.reorder = Reorder::NONE,
            |plan| plan.network.jitter = Span::NONE,
            |plan| plan.network.access = None,
            |plan| plan.network.latency = NetworkConfig::default().latency,
            |plan| plan.shares = Shares::default(),
            |plan| plan.shares.dead = 0.0,
            |plan| plan.shares.nat = 0.0,
            |plan| plan.shares.slow = 0.0,
            |plan| plan.shares.read_only = 0.0,
            |plan| plan.node_config = Default::default(),
        ];
        for simplify in simpler {
            let mut plan = self.best.clone();
            simplify(&mut plan);
            if plan != self.best {
                self.adopt(plan);
            }
        }
    }

    /// Goes on with a plan if it fails too.
    fn adopt(&mut self, plan: Plan) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let fails = (self.fails)(&plan);
        if fails {
            self.best = plan;
        }
        fails
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Action;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let text = "nodes 20\nloss 0.1\nchurn 5m\n".to_owned()
            + &"at 1s n03 crash\nat 2s n04..n09 restart\nat 3s heal\n".repeat(10);
        let plan: Plan = text.parse().expect("a plan");
        // It fails if n05 is there and some host restarts.
        let fails = |plan: &Plan| {
            let host = crate::host::HostId::new(5);
            plan.hosts.contains(host)
                && plan
                    .steps
                    .iter()
                    .any(|step| matches!(step.action, Action::Restart(_)))
        };
        let small = shrink(&plan, 1000, fails);
        assert_eq!(
            small.to_string(),
            "seed 1\nhosts n05\nat 2s n04..n09 restart\n"
        );
        let tried_once = shrink(&plan, 1, fails);
        assert!(tried_once.steps.len() >= 15);
    }
}
