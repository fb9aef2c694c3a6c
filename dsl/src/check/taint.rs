//! Which jobs have seen text from outside: what these hand on is untrusted as well.

use super::checker::Checker;
use super::declare::Kind;
use super::types::holds_untrusted;
use crate::ast::{Node, Statement};
use model::NodeId;
use std::collections::BTreeSet;

impl<'a> Checker<'a> {
    /// Finds the jobs whose environment holds text from outside, before anything else asks for an
    /// output. Jobs may stand in any order and hand such text on to each other, so that a job is
    /// looked at again when one that it mentions turns out to be tainted.
    pub(super) fn find_taint(&mut self) {
        let scope = self.scope;
        // All such text comes from one of these words.
        let text = self.source.slice(scope.node_span);
        if !text.contains("event") && !text.contains("untrusted") {
            return;
        }
        let spent = self.spent;
        self.sink.mute();
        let shared: Vec<&'a Node> = scope.body.named("env").collect();
        let mut mentioned_by: Vec<Vec<NodeId>> = vec![Vec::new(); scope.nodes.len()];
        let mut waiting: Vec<NodeId> = Vec::new();
        for (index, declared) in scope.nodes.iter().enumerate() {
            let id = NodeId(index as u32);
            if declared.kind != Kind::Job {
                continue;
            }
            self.mentions.clear();
            if self.sees_outside(id, &shared) {
                waiting.push(id);
            } else {
                let mentioned: BTreeSet<NodeId> =
                    self.mentions.iter().map(|mention| mention.job).collect();
                for job in mentioned {
                    mentioned_by[job.index()].push(id);
                }
            }
        }
        while let Some(id) = waiting.pop() {
            if !self.tainted.insert(id) {
                continue;
            }
            // What was computed of its outputs had another type.
            self.lets.clear();
            for job in std::mem::take(&mut mentioned_by[id.index()]) {
                if !self.tainted.contains(&job) && self.sees_outside(job, &shared) {
                    waiting.push(job);
                }
            }
        }
        self.sink.unmute();
        self.lets.clear();
        self.mentions.clear();
        self.unsupported.clear();
        self.spent = spent;
    }

    fn sees_outside(&mut self, id: NodeId, shared: &[&'a Node]) -> bool {
        let declared = self.declared(id);
        let stage = declared.parent.map(|stage| self.declared(stage));
        let mut cx = self.outside();
        cx.node = Some(id);
        self.within(cx, |checker| {
            for around in stage.into_iter().chain([declared]) {
                // A condition decides which fields an event has.
                checker.when(&around.body);
                if let Some(many) = &around.node.fan_out {
                    checker.sources(&many.sources);
                }
            }
            let by_variable = checker
                .cx
                .variables
                .iter()
                .any(|variable| holds_untrusted(&variable.ty));
            let mut own = Vec::new();
            environments(declared.node, &mut own);
            let defaults: Vec<&'a Node> = checker.defaults_env(declared.node).collect();
            let envs = shared.iter().copied().chain(defaults).chain(own);
            by_variable || envs.into_iter().any(|env| checker.holds_outside(env))
        })
    }

    fn holds_outside(&mut self, env: &'a Node) -> bool {
        let statements = env.block.iter().flat_map(|block| &block.statements);
        statements.into_iter().any(|statement| match statement {
            Statement::Setting(setting) => holds_untrusted(&self.expr(&setting.value, None).ty),
            Statement::Node(_) | Statement::Broken(_) => false,
        })
    }
}

/// Every `env` of a job: its own, and those of its steps and hooks.
fn environments<'a>(node: &'a Node, found: &mut Vec<&'a Node>) {
    for statement in node.block.iter().flat_map(|block| &block.statements) {
        if let Statement::Node(inner) = statement {
            match &*inner.word.text {
                "env" => found.push(inner),
                _ => environments(inner, found),
            }
        }
    }
}
