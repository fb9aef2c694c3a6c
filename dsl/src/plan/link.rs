//! An edge of the graph with the place in the text that it comes from.

use crate::source::Span;
use model::plan::{Edge, EdgeKind};
use model::{Expr, NodeId};
use std::collections::BTreeSet;

/// An edge, and where it was said.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) edge: Edge,
    pub(crate) span: Span,
}

impl Link {
    pub(crate) fn new(on: NodeId, kind: EdgeKind, element: Option<Vec<Expr>>, span: Span) -> Self {
        Self {
            edge: Edge { on, kind, element },
            span,
        }
    }
}

/// Which nodes and elements have been seen, so that an edge that is said twice is kept once.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    nodes: BTreeSet<NodeId>,
    elements: BTreeSet<(NodeId, String)>,
}

impl Seen {
    /// Whether it is new.
    pub(crate) fn insert(&mut self, on: NodeId, element: Option<&[Expr]>) -> bool {
        match element {
            None => self.nodes.insert(on),
            // Expressions have no order; their shape does.
            Some(element) => self.elements.insert((on, format!("{element:?}"))),
        }
    }
}
