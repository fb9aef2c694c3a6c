//! `use`: functions of plugins, and templates.

use super::checker::Checker;
use super::types;
use crate::ast::{self, Argument, ExprKind, Name, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::{Availability, BuiltinPlugin, Level, LevelKind, Operation};
use crate::source::Span;
use model::Type;

impl<'a> Checker<'a> {
    /// `use plugin.function(…)`, `use template(…)`. `in_block` says that it stands among jobs.
    pub(super) fn use_of(&mut self, call: &'a ast::Expr, node: &'a Node, in_block: bool) {
        let ExprKind::Call(callee, arguments) = &call.inner().kind else {
            return;
        };
        match &callee.inner().kind {
            ExprKind::Name(name) => self.use_template(name, callee.span, arguments, node),
            ExprKind::Member(base, function) => match base.inner().as_name() {
                Some(plugin) => self.use_plugin(plugin, base.span, function, arguments, in_block),
                None => self.no_use(callee.span),
            },
            ExprKind::Error => {}
            _ => self.no_use(callee.span),
        }
    }

    fn no_use(&mut self, span: Span) {
        self.sink.push(
            Diagnostic::error(
                Code::WrongForm,
                "`use` names a template, or a function of a plugin",
                span,
                "neither of them",
            )
            .help("for example `use http.expect(url = \"…\")`"),
        );
    }

    fn use_plugin(
        &mut self,
        plugin: &str,
        span: Span,
        function: &Name,
        arguments: &'a [Argument],
        in_block: bool,
    ) {
        if self.file.imports.contains(plugin) {
            // What the file holds is not known, and that it is not read has been said.
            return;
        }
        let Some(known) = self.file.plugins.get(plugin) else {
            let file = self.file;
            let candidates = file.plugins.keys().chain(&file.imports).copied();
            let help =
                "define it at the top of the file: `plugin name = \"builtin:http\"`".to_owned();
            let headline = format!("there is no plugin `{plugin}`");
            self.sink.unknown_with(
                Code::UnknownName,
                headline,
                plugin,
                span,
                candidates,
                Some(help),
            );
            return;
        };
        if in_block {
            self.sink.push(
                Diagnostic::error(
                    Code::MisplacedWord,
                    "a function of a plugin is a step",
                    span,
                    "not in a job",
                )
                .help("put it into a `job`"),
            );
        }
        let operation = known.and_then(|known| self.operation(known, function));
        for argument in arguments {
            self.plugin_argument(argument, operation);
        }
        if let Some(operation) = operation {
            let given = |name: &str| {
                arguments.iter().any(|argument| {
                    argument
                        .name
                        .as_ref()
                        .is_some_and(|given| &*given.text == name)
                })
            };
            for (name, _) in operation
                .arguments
                .iter()
                .filter(|(name, required)| *required && !given(name))
            {
                self.missing_argument(operation.name, name, function.span);
            }
        }
    }

    fn operation(
        &mut self,
        plugin: &'static BuiltinPlugin,
        function: &Name,
    ) -> Option<&'static Operation> {
        let found = plugin
            .operations
            .iter()
            .find(|known| known.name == &*function.text);
        if found.is_none() {
            let known = plugin.operations.iter().map(|known| known.name);
            let help = format!("it has {}", crate::names::all_of(known.clone()));
            self.sink.unknown_with(
                Code::UnknownFunction,
                format!(
                    "the plugin `{}` has no function `{}`",
                    plugin.name, function.text
                ),
                &function.text,
                function.span,
                known,
                Some(help),
            );
        }
        found
    }

    /// A secret may be handed to a plugin; text from outside may not.
    fn plugin_argument(&mut self, argument: &'a Argument, operation: Option<&'static Operation>) {
        let Some(name) = &argument.name else {
            self.unnamed(argument.value.span);
            return;
        };
        if let Some(operation) = operation
            && !operation
                .arguments
                .iter()
                .any(|(known, _)| *known == &*name.text)
        {
            let known = operation.arguments.iter().map(|(known, _)| *known);
            self.unknown_argument(operation.name, name, known);
        }
        let typed = self.expr(&argument.value, None);
        if types::holds_untrusted(&typed.ty) {
            self.coerce(
                typed,
                &argument.value,
                &Type::String,
                &format!("`{}`", name.text),
            );
        }
    }

    fn unnamed(&mut self, span: Span) {
        self.sink.push(
            Diagnostic::error(
                Code::WrongCall,
                "arguments of `use` are named",
                span,
                "which one?",
            )
            .help("write `name = value`"),
        );
    }

    fn unknown_argument(
        &mut self,
        of: &str,
        name: &Name,
        known: impl Iterator<Item = &'a str> + Clone,
    ) {
        let help = format!("it takes {}", crate::names::all_of(known.clone()));
        self.sink.unknown_with(
            Code::WrongCall,
            format!("`{of}` has no argument `{}`", name.text),
            &name.text,
            name.span,
            known,
            Some(help),
        );
    }

    fn missing_argument(&mut self, of: &str, name: &str, span: Span) {
        self.sink.push(
            Diagnostic::error(
                Code::WrongCall,
                format!("`{of}` needs the argument `{name}`"),
                span,
                format!("`{name}` is missing"),
            )
            .help(format!("add `{name} = …`")),
        );
    }

    fn use_template(&mut self, name: &str, span: Span, arguments: &'a [Argument], node: &'a Node) {
        let Some(template) = self.file.templates.get(name).copied() else {
            let known = self.file.templates.keys().copied();
            let help = "a function of a plugin is `plugin.function(…)`".to_owned();
            let headline = format!("there is no template `{name}`");
            self.sink
                .unknown_with(Code::UnknownName, headline, name, span, known, Some(help));
            return;
        };
        let parameters = template.parameters.as_deref().unwrap_or_default();
        let mut is_right = true;
        for argument in arguments {
            let Some(given) = &argument.name else {
                self.unnamed(argument.value.span);
                is_right = false;
                continue;
            };
            match parameters
                .iter()
                .find(|parameter| parameter.name.text == given.text)
            {
                Some(parameter) => {
                    let ty = types::written(&parameter.type_of, &mut self.sink);
                    let what = format!("`{}`", given.text);
                    let typed = self.expect(&argument.value, &ty, &what);
                    is_right &= !types::is_never(&typed.ty);
                }
                None => {
                    let known = parameters.iter().map(|parameter| &*parameter.name.text);
                    self.unknown_argument(name, given, known);
                    is_right = false;
                }
            }
        }
        for parameter in parameters
            .iter()
            .filter(|parameter| parameter.default.is_none())
        {
            let given = arguments.iter().any(|argument| {
                argument
                    .name
                    .as_ref()
                    .is_some_and(|given| given.text == parameter.name.text)
            });
            if !given {
                self.missing_argument(name, &parameter.name.text, span);
                is_right = false;
            }
        }
        let word = Level::of(LevelKind::Pipeline).word("use");
        if let (true, Some(Availability::Unplanned(help))) =
            (is_right, word.map(|word| word.availability))
        {
            self.not_in_this_build("use", node.header, help);
        }
    }
}
