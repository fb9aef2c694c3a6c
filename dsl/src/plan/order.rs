//! The order of the text: a stage, an approval and a merge wait for all above them in their block,
//! and all below waits for them; jobs between two of them run side by side.

use super::link::Link;
use crate::check::declare::{Declared, Kind, PipelineScope};
use model::NodeId;
use model::plan::{EdgeKind, Phase};
use std::collections::{BTreeMap, BTreeSet};

/// Adds these edges; each is said at the name of the node that waits. `false` where a plan would have
/// more than `limit` edges.
pub(crate) fn add(scope: &PipelineScope<'_>, links: &mut [Vec<Link>], limit: usize) -> bool {
    let mut blocks: BTreeMap<(Option<NodeId>, Phase), Block> = BTreeMap::new();
    let mut n_links: usize = links.iter().map(Vec::len).sum();
    for (index, declared) in scope.nodes.iter().enumerate() {
        let id = NodeId(index as u32);
        let block = blocks.entry((declared.parent, declared.phase)).or_default();
        let above = block.add(id, declared);
        let own = &mut links[index];
        // `needs`, `after` and outputs say it already.
        let said = own.iter().filter(|link| link.edge.element.is_none());
        let said: BTreeSet<NodeId> = said.map(|link| link.edge.on).collect();
        n_links += above.len();
        if n_links > limit {
            return false;
        }
        for on in above {
            if !said.contains(&on) {
                own.push(Link::new(on, EdgeKind::Order, None, declared.span));
            }
        }
    }
    true
}

/// What stands above, in one block.
#[derive(Default)]
struct Block {
    /// Jobs that no barrier waits for yet.
    jobs: Vec<NodeId>,
    /// Barriers that what follows waits for: those that none of the others waits for.
    barriers: Vec<NodeId>,
    /// The last approval or merge.
    gate: Option<NodeId>,
}

impl Block {
    /// What a node waits for that stands next.
    fn add(&mut self, id: NodeId, declared: &Declared<'_>) -> Vec<NodeId> {
        if !declared.kind.is_barrier() {
            self.jobs.push(id);
            return self.barriers.clone();
        }
        let says_itself = declared.kind == Kind::Stage && declared.body.setting("needs").is_some();
        if says_itself {
            // Its own `needs` stand for the order, though no stage gets past a person's decision.
            let above = self.gate.into_iter().collect();
            self.barriers.push(id);
            return above;
        }
        let mut above = std::mem::take(&mut self.jobs);
        above.append(&mut self.barriers);
        self.barriers.push(id);
        if declared.kind != Kind::Stage {
            self.gate = Some(id);
        }
        above
    }
}
