//! Keeping values during a run: their publishers put them, other hosts read them, and the copies are
//! counted each minute.

use std::time::Duration;

use khashmir::Id;

use super::keeping::Sample;
use super::request_log::Task;
use super::run::{PUTS, RequestKind, Run};
use super::schedule::ScheduledAction;
use super::values;
use crate::random::{Draw, topic};
use crate::world::Observer;

impl<W: Observer> Run<'_, W> {
    /// Time between two looks at where the copies are.
    const EVERY: Duration = Duration::from_secs(60);

    /// Lets the publishers put what is to be kept.
    pub(super) fn keep(&mut self) {
        if self.kept.numbers.is_empty() {
            return;
        }
        let owner = |(key, number): (&Id, &u32)| Some((*key, self.kept.publisher(*number)?));
        let owners = self.kept.numbers.iter().filter_map(owner).collect();
        self.world.count_keys(owners);
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/keeping")]);
        for number in 0..self.plan.keeping.values {
            self.plan_request(&mut draw, PUTS, RequestKind::Keep(number));
        }
        self.wait("storing", PUTS);
        self.finish("storing", Task::is_put);
    }

    /// Lets reads of what is kept arrive over a span of time, and looks where the copies are all
    /// the while.
    pub(super) fn read(&mut self, span: Duration) {
        if self.kept.numbers.is_empty() {
            return;
        }
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/reads")]);
        for _ in 0..self.plan.keeping.reads {
            let number = draw.below(self.plan.keeping.values.into());
            let number = u32::try_from(number).unwrap_or(0);
            self.plan_request(&mut draw, span, RequestKind::Read(number));
        }
        self.kept.until = self.world.now() + span;
        self.sample();
    }

    /// Looks where the copies are, and plans the next look.
    pub(super) fn sample(&mut self) {
        let now = self.world.now();
        let copies = self.copies();
        let redundancy = self.plan.redundancy();
        let is_few = |copies: &&u64| usize::try_from(**copies * 2).is_ok_and(|it| it < redundancy);
        self.kept.samples.push(Sample {
            at: now,
            copies: copies.iter().sum(),
            below_half: u32::try_from(copies.iter().filter(is_few).count()).unwrap_or(u32::MAX),
            traffic: self.world.key_traffic().by_owners,
        });
        let next = now + Self::EVERY;
        if next <= self.kept.until {
            self.schedule.note(next, ScheduledAction::Sample);
        }
    }

    /// How many nodes that run hold each value, other than its publisher.
    fn copies(&self) -> Vec<u64> {
        let mut copies = vec![0; self.kept.numbers.len()];
        for host in self.population.living() {
            let reading = self.world.clock(*host).read(self.world.now());
            let node = self.world.node(*host);
            let Some(node) = node.filter(|node| node.status(reading).values > 0) else {
                continue;
            };
            for saved in node.snapshot(reading).values() {
                if let Some(number) = self.kept.numbers.get(saved.key)
                    && *saved.value == values::value(*number)
                    && self.kept.publisher(*number) != Some(*host)
                {
                    copies[*number as usize] += 1;
                }
            }
        }
        copies
    }
}
