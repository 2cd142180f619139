//! What is put on the hosts of an experiment.

use std::fmt;
use std::sync::Arc;

use khashmir::Node;

use crate::host::HostId;
use crate::world::Machine;

/// What runs on the hosts: the nodes themselves, unless something else is to stand in for them.
#[derive(Clone, Default)]
pub struct MachineFactory(Option<Arc<Stand>>);

/// Makes of a node what is to run on a host.
type Stand = dyn Fn(HostId, Node) -> Box<dyn Machine> + Send + Sync;

impl MachineFactory {
    /// What is made of the node of each host runs there. It must depend on nothing else.
    #[must_use]
    pub fn new(stand: impl Fn(HostId, Node) -> Box<dyn Machine> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(stand)))
    }

    pub(super) fn machine(&self, host: HostId, node: Node) -> Box<dyn Machine> {
        match &self.0 {
            None => node.into(),
            Some(stand) => stand(host, node),
        }
    }
}

impl fmt::Debug for MachineFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "MachineFactory(..)"
        } else {
            "MachineFactory(nodes)"
        })
    }
}
