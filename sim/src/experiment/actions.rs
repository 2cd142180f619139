//! What is done to hosts from outside: the steps of a plan, and their coming and going.

use std::time::Duration;

use khashmir::{Command, Instant};

use super::population::{InitialState, Presence};
use super::request_log::Task;
use super::run::Run;
use super::schedule::ScheduledAction;
use crate::churn::{Churn, Comeback};
use crate::host::HostId;
use crate::network::{Cut, Groups};
use crate::plan::{Action, Ask, HostSet, Jump};
use crate::truth::Truth;
use crate::world::Observer;

impl<W: Observer> Run<'_, W> {
    /// Hosts come and go at edges of that length.
    const GRID: Duration = Duration::from_millis(100);

    pub(super) fn act(&mut self, action: ScheduledAction) {
        match action {
            ScheduledAction::Depart { host, churn } if churn == self.churn.number => self.go(host),
            ScheduledAction::Return { host, churn } if churn == self.churn.number => {
                self.come(host);
            }
            ScheduledAction::Depart { .. } | ScheduledAction::Return { .. } => {}
            ScheduledAction::Sample => self.sample(),
            ScheduledAction::Resume(host) => self.world.resume(host),
            ScheduledAction::Step(place) => {
                let plan = self.plan;
                if let Some(step) = plan.steps.get(place) {
                    self.step(&step.action);
                }
            }
        }
    }

    /// Hosts come and go like that from now on; hosts that run are in the midst of a session.
    pub(super) fn begin_churn(&mut self, churn: Churn) {
        self.churn.number += 1;
        self.churn.churn = Some(churn);
        for host in self.population.living().to_vec() {
            let session = *self.churn.sessions.entry(host).or_default();
            let left = churn.session_left(self.plan.seed, host, session);
            self.plan_departure(host, left);
        }
    }

    /// Hosts that were away when the network came to stand return when their pauses end.
    pub(super) fn begin_pauses(&mut self) {
        let now = self.world.now();
        for (host, left) in self.population.away_at_first() {
            self.plan_return(host, now + left);
        }
    }

    /// Churn ends: hosts that run stay, and hosts that are away stay away.
    pub(super) fn end_churn(&mut self) {
        self.churn.number += 1;
        self.churn.churn = None;
    }

    /// Stops the node of a host as a loss of power does.
    pub(super) fn crash(&mut self, host: HostId) {
        let member = self.population.member(host);
        if matches!(member.map(|m| m.presence()), Some(Presence::Here { .. })) {
            self.world.switch_off(host);
            self.population.departs(host, self.world.now());
            self.request_log.forget(host);
        }
    }

    /// Lets a host that is off start again from what it has.
    pub(super) fn start_again(&mut self, host: HostId) {
        let member = self.population.member(host);
        let Some(Presence::Away { since }) = member.map(|member| member.presence()) else {
            return;
        };
        let now = self.world.now();
        let clock = self.world.clock(host);
        let initial = if let Some((snapshot, _)) = self.churn.away.remove(&host) {
            let away = now.since(since);
            InitialState::From { snapshot, away }
        } else if let Some(disk) = self.world.disk(host) {
            // The disk knows by the host's clock how long it was off.
            let (snapshot, away) = (disk.snapshot(clock.read(now)), Duration::ZERO);
            InitialState::From { snapshot, away }
        } else {
            self.population.rename(host);
            InitialState::Empty
        };
        self.begin(host, initial);
    }

    fn begin(&mut self, host: HostId, initial: InitialState) {
        // The settings were checked, and are those of the first time.
        if self.switch_on(host, initial, &Truth::default()).is_err() {
            return;
        }
        let now = self.world.now();
        self.population.arrives(host, now);
        let bootstrap = self.bootstrap_for(host);
        if !bootstrap.is_empty() {
            let bootstrap = bootstrap.into_iter().map(HostId::addr).collect();
            self.order(now, host, Command::Join { bootstrap }, Task::Join);
        }
        if let Some(churn) = self.churn.churn {
            self.plan_session(host, churn);
        }
    }

    fn plan_session(&mut self, host: HostId, churn: Churn) {
        let session = self.churn.sessions.entry(host).or_default();
        let lasts = churn.session(self.plan.seed, host, *session);
        self.plan_departure(host, lasts);
    }

    fn plan_departure(&mut self, host: HostId, left: Duration) {
        if self.kept.is_publisher(host) {
            return;
        }
        let at = on_grid(self.world.now() + left, Self::GRID);
        let churn = self.churn.number;
        self.schedule
            .note(at, ScheduledAction::Depart { host, churn });
    }

    fn plan_return(&mut self, host: HostId, at: Instant) {
        let churn = self.churn.number;
        let at = on_grid(at, Self::GRID);
        self.schedule
            .note(at, ScheduledAction::Return { host, churn });
    }

    fn go(&mut self, host: HostId) {
        let Some(churn) = self.churn.churn else {
            return;
        };
        let now = self.world.now();
        let reading = self.world.clock(host).read(now);
        let Some(node) = self.world.node(host) else {
            return;
        };
        if churn.comeback == Comeback::Same {
            let snapshot = node.snapshot(reading);
            self.churn.away.insert(host, (snapshot, now));
        }
        self.crash(host);
        let session = self.churn.sessions.entry(host).or_default();
        let pause = churn.pause(self.plan.seed, host, *session);
        *session += 1;
        self.plan_return(host, now + pause);
    }

    fn come(&mut self, host: HostId) {
        let fresh = self.churn.churn.map(|churn| churn.comeback) == Some(Comeback::Fresh);
        let away = self.population.member(host).map(|member| member.presence());
        if !matches!(away, Some(Presence::Away { .. })) {
            return;
        }
        if fresh {
            self.population.rename(host);
            self.begin(host, InitialState::Empty);
        } else {
            self.start_again(host);
        }
    }

    fn step(&mut self, action: &Action) {
        let plan = self.plan;
        let these = |hosts: &HostSet| -> Vec<HostId> { hosts.and(&plan.hosts).iter().collect() };
        let hosts = action.hosts().map(these).unwrap_or_default();
        let now = self.world.now();
        match action {
            Action::Ask(_, ask) => {
                for host in hosts {
                    let task = if let Ask::Expect(key, value) = ask {
                        self.request_log.expect_value(*key, value)
                    } else {
                        Task::Step
                    };
                    self.order(now, host, ask.command(), task);
                }
            }
            Action::Leave(_) => hosts.into_iter().for_each(|host| self.world.leave(host)),
            Action::Crash(_) => hosts.into_iter().for_each(|host| self.crash(host)),
            Action::Restart(_) => {
                for host in &hosts {
                    self.crash(*host);
                }
                for host in hosts {
                    self.start_again(host);
                }
            }
            Action::Pause(_, time) => {
                for host in hosts {
                    self.world.pause(host);
                    self.schedule
                        .note(now + *time, ScheduledAction::Resume(host));
                }
            }
            Action::Jump(_, jump) => {
                for host in hosts {
                    let clock = self.world.clock(host);
                    let clock = match jump {
                        Jump::Back(by) => clock.back(now, *by),
                        Jump::Forward(by) => clock.forward(now, *by),
                    };
                    self.world.set_clock(host, clock);
                }
            }
            Action::Drift(_, drift) => {
                for host in hosts {
                    let clock = self.world.clock(host).drifting(now, *drift);
                    self.world.set_clock(host, clock);
                }
            }
            Action::Garbage { to, bytes, .. } => {
                for (from, to) in hosts
                    .iter()
                    .flat_map(|from| these(to).into_iter().map(move |to| (*from, to)))
                {
                    self.world.forge(from, to.addr(), bytes);
                }
            }
            Action::Churn(Some(churn)) => self.begin_churn(*churn),
            Action::Churn(None) => self.end_churn(),
            Action::Partition(_)
            | Action::Cut { .. }
            | Action::Heal
            | Action::Loss(_)
            | Action::Duplicate(_)
            | Action::Reorder(_)
            | Action::Jitter(_) => self.change_network(action),
        }
    }

    fn change_network(&mut self, action: &Action) {
        let hosts = &self.plan.hosts;
        let grouped = |groups: &[&HostSet]| -> Groups {
            let numbered = groups.iter().zip(1..);
            numbered
                .flat_map(|(group, number)| {
                    let members: Vec<_> = group.and(hosts).iter().collect();
                    members.into_iter().map(move |host| (host, number))
                })
                .collect()
        };
        let network = self.world.network_mut();
        if let Action::Partition(groups) = action {
            let groups = grouped(&groups.iter().collect::<Vec<_>>());
            network.cuts_mut().add(Cut::Partition(groups));
        } else if let Action::Cut { from, to } = action {
            network.cuts_mut().add(Cut::OneWay {
                groups: grouped(&[from, to]),
                from: 1,
                to: 2,
            });
        } else if *action == Action::Heal {
            network.cuts_mut().heal_all();
        } else {
            // A plan with a network that makes no sense is refused before it runs.
            let changed = network.change(|config| action.change(config));
            debug_assert!(changed.is_ok());
        }
    }
}

/// The first edge of a grid at that time or later.
fn on_grid(at: Instant, grid: Duration) -> Instant {
    let grid = u64::try_from(grid.as_nanos()).unwrap_or(u64::MAX).max(1);
    Instant::from_nanos(at.as_nanos().div_ceil(grid).saturating_mul(grid))
}
