//! A run under way.

use std::time::Duration;

use khashmir::{Command, Id, Instant, Keep, OwnStore};

use super::churn_state::ChurnState;
use super::keeping::Kept;
use super::machine_factory::MachineFactory;
use super::population::{self, InitialState, Pace, Place, Population};
use super::progress::Progress;
use super::request_log::{RequestLog, Task};
use super::schedule::{Schedule, ScheduledAction};
use super::values;
use crate::checks::Violation;
use crate::host::HostId;
use crate::plan::{FreshAskers, InvalidPlan, Plan, Start};
use crate::random::{Draw, topic};
use crate::stop::Stop;
use crate::truth::Truth;
use crate::world::{Disk, Observer, World};

/// Time between two joins.
const PACE: Duration = Duration::from_millis(20);
/// Nodes through which the others join.
const BOOTSTRAP: usize = 8;
/// Time after the deaths before anything is asked.
const REST: Duration = Duration::from_secs(200);
/// The span over which values are stored.
pub(super) const PUTS: Duration = Duration::from_secs(60);
/// Time between two reports of progress.
const SLICE: Duration = Duration::from_secs(5);

/// A run under way.
pub(super) struct Run<'e, W> {
    pub(super) plan: &'e Plan,
    pub(super) world: World<W>,
    pub(super) request_log: RequestLog,
    pub(super) population: Population,
    pub(super) schedule: Schedule,
    pub(super) churn: ChurnState,
    /// What is kept stored.
    pub(super) kept: Kept,
    /// When the network stood.
    pub(super) stood: Instant,
    factory: &'e MachineFactory,
    stop: &'e Stop,
    progress: &'e mut dyn FnMut(Progress),
    end: Instant,
    /// Lookups and gets that are still to be asked, the next one last.
    waiting: Vec<PlannedRequest>,
    /// How long nodes ran, summed over them.
    pub(super) node_time: Duration,
    /// How many requests were given to nodes.
    asked: u64,
    shortage: Option<InvalidPlan>,
}

/// A request that a node will be given. There may be as many as there are nodes, so the command is
/// made only when it is time.
struct PlannedRequest {
    at: Instant,
    what: RequestKind,
    who: Draw,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub(super) enum RequestKind {
    Lookup {
        target: Id,
    },
    /// The value of that number.
    Get(u32),
    /// To store the value of that number.
    Put(u32),
    /// To store the value of that number, and keep it stored.
    Keep(u32),
    /// The value of that number, which is kept.
    Read(u32),
}

impl RequestKind {
    const fn task(&self) -> Task {
        match *self {
            Self::Lookup { target } => Task::Lookup { target },
            Self::Get(number) => Task::Get(number),
            Self::Put(number) => Task::Put(number),
            Self::Keep(_) => Task::Keep,
            Self::Read(number) => Task::Read(number),
        }
    }

    fn command(&self, seed: u64) -> Command {
        let get = |key| Command::Get {
            key,
            retrieve: None,
            own_store: OwnStore::Include,
        };
        let put = |key, number, keep| Command::Put {
            key,
            value: values::value(number),
            keep,
        };
        match *self {
            Self::Lookup { target } => Command::FindNode { target },
            Self::Get(number) => get(values::key(seed, number)),
            Self::Read(number) => get(values::kept_key(seed, number)),
            Self::Put(number) => put(values::key(seed, number), number, Keep::Once),
            Self::Keep(number) => put(values::kept_key(seed, number), number, Keep::UntilCancelled),
        }
    }
}

impl<'e, W: Observer> Run<'e, W> {
    /// How often a host is drawn that is not the publisher, before a read is given up.
    const TRIES: u32 = 64;

    pub(super) fn new(
        plan: &'e Plan,
        factory: &'e MachineFactory,
        stop: &'e Stop,
        world: World<W>,
        progress: &'e mut dyn FnMut(Progress),
    ) -> Self {
        Self {
            plan,
            world,
            request_log: RequestLog::new(plan.workload.lookups),
            population: Population::new(plan),
            schedule: Schedule::default(),
            churn: ChurnState::default(),
            kept: Kept::new(plan),
            stood: Instant::ORIGIN,
            factory,
            stop,
            progress,
            end: estimated_end(plan),
            waiting: Vec::new(),
            node_time: Duration::ZERO,
            asked: 0,
            shortage: None,
        }
    }

    /// Whether the run was asked to end, or cannot go on: then no time goes by any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_requested() || self.shortage.is_some()
    }

    /// Why the run cannot go on, if that is so: no node was left whose first request it would have
    /// been.
    pub(super) fn take_shortage(&mut self) -> Option<InvalidPlan> {
        self.shortage.take()
    }

    /// Brings the network to stand.
    pub(super) fn stand(&mut self) -> Result<(), InvalidPlan> {
        let last = self.plan.hosts.last().map_or(0, HostId::number);
        self.world.reserve(last as usize + 1);
        for number in 0..=last {
            if self.is_stopped() {
                return Ok(());
            }
            let host = HostId::new(number);
            let member = self.population.member(host);
            let attachment = match member.map(|member| member.place) {
                Some(Place::BehindNat) => {
                    self.world.network().attach_behind(self.plan.nat, host)?
                }
                Some(Place::Public) | None => self.world.network().attach(host),
            };
            let slow = member.is_some_and(|member| member.pace == Pace::Slow);
            self.world.add(attachment);
            if slow {
                self.world.set_slowness(host, crate::plan::Shares::SLOWNESS);
            }
        }
        let everybody = match self.plan.start {
            Start::Join => Truth::default(),
            Start::Warm => self.population.everybody(),
        };
        let hosts = self.population.first();
        for host in &hosts {
            if self.is_stopped() {
                return Ok(());
            }
            let initial = match self.plan.start {
                Start::Join => InitialState::Empty,
                Start::Warm => InitialState::Warm,
            };
            self.switch_on(*host, initial, &everybody)?;
        }
        drop(everybody);
        self.population.first_arrive(self.world.now());
        if self.plan.start == Start::Join {
            self.join(&hosts);
        }
        Ok(())
    }

    /// Lets a node begin on a host.
    pub(super) fn switch_on(
        &mut self,
        host: HostId,
        initial: InitialState,
        everybody: &Truth,
    ) -> Result<(), InvalidPlan> {
        let now = self.world.clock(host).read(self.world.now());
        let node = self.population.node(host, initial, everybody, now)?;
        if let Some(delay) = self.plan.disk {
            let disk = Disk::new(node.snapshot(now), now, delay);
            self.world.set_disk(host, disk);
        }
        let machine = self.factory.machine(host, node);
        self.world.switch_on(host, machine);
        Ok(())
    }

    /// The addresses through which a node joins: some hosts that live and can be reached.
    pub(super) fn bootstrap_for(&self, host: HostId) -> Vec<HostId> {
        let others = self.population.living().iter().copied();
        others
            .filter(|other| *other != host && self.can_introduce(*other))
            .take(BOOTSTRAP)
            .collect()
    }

    fn can_introduce(&self, host: HostId) -> bool {
        let member = self.population.member(host);
        member.is_some_and(population::Member::is_findable)
    }

    fn join(&mut self, hosts: &[HostId]) {
        let now = self.world.now();
        let able = hosts
            .iter()
            .copied()
            .filter(|host| self.can_introduce(*host));
        let first: Vec<HostId> = able.take(BOOTSTRAP).collect();
        let mut pace = Duration::ZERO;
        for host in hosts {
            let earlier = first.iter().filter(|other| *other < host);
            let bootstrap: Vec<_> = earlier.map(|other| other.addr()).collect();
            if !bootstrap.is_empty() {
                pace += PACE;
                self.order(now + pace, *host, Command::Join { bootstrap }, Task::Join);
            }
        }
        self.wait("joining", pace);
        self.finish("joining", Task::is_join);
    }

    pub(super) fn order(&mut self, at: Instant, host: HostId, command: Command, task: Task) {
        if !task.is_join() {
            self.population.is_asked(host);
        }
        let order = self.world.order(at, host, command);
        self.request_log.expect(order, host, task);
    }

    /// Switches off the hosts that are to die.
    pub(super) fn die(&mut self) {
        let now = self.world.now();
        for host in self.population.doomed() {
            self.world.switch_off(host);
            self.population.departs(host, now);
            self.request_log.forget(host);
        }
        self.stood = now;
    }

    /// Lets some time go by after the deaths.
    pub(super) fn rest(&mut self) {
        self.wait("rest", REST);
    }

    pub(super) fn store(&mut self) {
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/puts")]);
        for number in 0..self.plan.workload.values {
            self.plan_request(&mut draw, PUTS, RequestKind::Put(number));
        }
        if self.plan.workload.values > 0 {
            self.wait("storing", PUTS);
            self.finish("storing", Task::is_put);
        }
    }

    /// Lets lookups and gets arrive, at times that are those of a Poisson process with so many
    /// arrivals.
    pub(super) fn look_up(&mut self) {
        let mut draw = Draw::new(self.plan.seed, &[topic("experiment/lookups")]);
        let span = self.plan.workload.duration;
        self.read(span);
        for _ in 0..self.plan.workload.lookups {
            if self.is_stopped() {
                return;
            }
            let target = population::id(&mut draw);
            self.plan_request(&mut draw, span, RequestKind::Lookup { target });
        }
        let expiry = self
            .plan
            .config(self.plan.node_config.preset, khashmir::Role::ReadWrite);
        let end = self.world.now() + span + expiry.operation_timeout;
        for (number, stored) in self.request_log.stored() {
            // A value that may be gone by the time it is asked for says nothing.
            if stored + expiry.expiry < end {
                continue;
            }
            self.plan_request(&mut draw, span, RequestKind::Get(number));
        }
        self.wait("looking up", span);
        self.finish("looking up", Task::is_read);
    }

    /// Plans a request at a random time within a span from now, for a host that runs then.
    pub(super) fn plan_request(&mut self, draw: &mut Draw, span: Duration, what: RequestKind) {
        let at = self.world.now() + draw.between(Duration::ZERO, span);
        let who = draw.fork(self.waiting.len() as u64);
        self.waiting.push(PlannedRequest { at, what, who });
    }

    /// Lets time go by, and does what is to be done meanwhile.
    pub(super) fn wait(&mut self, phase: &'static str, span: Duration) {
        let until = self.world.now() + span;
        self.waiting
            .sort_by_key(|request| std::cmp::Reverse(request.at));
        while self.world.now() < until && !self.is_stopped() {
            self.do_due();
            let now = self.world.now();
            let slice = until.min(now + SLICE);
            let next = self.schedule.next().map_or(slice, |next| next.min(slice));
            self.ask_until(next);
            // Nodes begin and end at such times only.
            let running = u32::try_from(self.population.living().len()).unwrap_or(u32::MAX);
            for report in self.world.run_until(next) {
                self.request_log.hear(report, &self.population);
            }
            self.node_time += self.world.now().since(now) * running;
            (self.progress)(Progress {
                phase,
                hosts: self.population.living().len(),
                now: self.world.now(),
                end: self.end.max(self.world.now()),
                events: self.world.events(),
            });
        }
        self.do_due();
    }

    /// Waits until all requests of those tasks have come to their ends, and for no others: with
    /// churn, some host is always joining.
    pub(super) fn finish(&mut self, phase: &'static str, of: fn(&Task) -> bool) {
        let longest = [self.plan.node_config.preset].into_iter();
        let config = |preset| self.plan.config(preset, khashmir::Role::ReadWrite);
        let longest = longest
            .map(|preset| config(preset).longest_operation())
            .max();
        let limit = self.world.now() + longest.unwrap_or_default();
        while self.request_log.is_open(of) && self.world.now() < limit && !self.is_stopped() {
            self.wait(phase, Duration::from_millis(500));
        }
    }

    /// Gives the requests planned before that time to hosts that run now.
    fn ask_until(&mut self, next: Instant) {
        while let Some(mut request) = self.waiting.pop_if(|request| request.at < next) {
            if let Some(host) = self.asker(&mut request) {
                let command = request.what.command(self.plan.seed);
                self.order(request.at, host, command, request.what.task());
                self.asked += 1;
            } else if self.plan.workload.fresh_askers == FreshAskers::Yes {
                self.shortage = Some(InvalidPlan::Askers {
                    requests: self.plan.requests(),
                    nodes: self.asked,
                });
            }
        }
    }

    /// The host that asks for it: mostly anyone who lives, or whose first request it is.
    fn asker(&self, request: &mut PlannedRequest) -> Option<HostId> {
        let mut somebody = || match self.plan.workload.fresh_askers {
            FreshAskers::No => self.population.somebody(&mut request.who),
            FreshAskers::Yes => self.population.newcomer(&mut request.who),
        };
        match request.what {
            RequestKind::Lookup { .. } | RequestKind::Get(_) | RequestKind::Put(_) => somebody(),
            RequestKind::Keep(number) => self.kept.publisher(number),
            // A publisher would find its value in its own store.
            RequestKind::Read(number) => {
                let publisher = self.kept.publisher(number);
                let mut tries = (0..Self::TRIES).map_while(|_| somebody());
                tries.find(|host| Some(*host) != publisher)
            }
        }
    }

    fn do_due(&mut self) {
        while let Some(action) = self.schedule.take_due(self.world.now()) {
            self.act(action);
        }
    }

    /// Notes the steps of the plan, counted from now, and lets churn begin.
    pub(super) fn begin_steps(&mut self) {
        for (place, step) in self.plan.steps.iter().enumerate() {
            self.schedule
                .note(self.stood + step.at, ScheduledAction::Step(place));
        }
        if let Some(churn) = self.plan.churn {
            self.begin_churn(churn);
            self.begin_pauses();
        }
    }

    /// Waits until the last step is done, and everything that was asked has come to its end.
    pub(super) fn end_steps(&mut self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if let Some(whole) = self.plan.whole {
            self.wait_for(whole);
            violations = self.look_whether_whole();
        }
        let last = self.plan.steps.iter().map(|step| step.at).max();
        if let Some(end) = self.plan.healed.or(last) {
            self.wait_for(end);
        }
        if self.plan.healed.is_none() {
            self.finish("steps", Task::is_step);
        }
        violations
    }

    /// Waits until that much time has passed since the network stood.
    fn wait_for(&mut self, at: Duration) {
        let left = (self.stood + at).since(self.world.now());
        self.wait("steps", left);
    }
}

/// When a run will be over, as far as can be told.
fn estimated_end(plan: &Plan) -> Instant {
    let joins = match plan.start {
        Start::Join => PACE * u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX),
        Start::Warm => Duration::ZERO,
    };
    let rounds = [plan.workload.values > 0, plan.keeping.values > 0];
    let rounds = rounds.into_iter().filter(|puts| *puts);
    let puts: Duration = rounds.map(|_| PUTS).sum();
    let work = if plan.asks() {
        puts + REST + plan.workload.duration
    } else {
        Duration::ZERO
    };
    let last = plan.steps.iter().map(|step| step.at).max();
    let steps = last.max(plan.whole).max(plan.healed).unwrap_or_default();
    Instant::ORIGIN + joins + work.max(steps)
}
