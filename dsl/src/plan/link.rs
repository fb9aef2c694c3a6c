//! An edge of the graph with the place in the text that it comes from.

use crate::source::Span;
use model::plan::{Edge, EdgeKind};
use model::{Expr, NodeId};

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
