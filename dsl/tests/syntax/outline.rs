//! A syntax tree as text, every operator in parentheses: what a reader of a test can check.

use dsl::ast::*;

/// One statement a line, blocks indented.
pub fn outline(file: &File) -> String {
    let mut text = String::new();
    statements(&file.statements, 0, &mut text);
    text
}

fn statements(statements: &[Statement], depth: usize, text: &mut String) {
    for statement in statements {
        let indent = "  ".repeat(depth);
        let (line, body) = match statement {
            Statement::Setting(setting) => (
                format!("{} = {}", key(&setting.key), expr(&setting.value)),
                None,
            ),
            Statement::Node(node) => (header(node), node.block.as_ref()),
            Statement::Broken(broken) => {
                let names: Vec<_> = broken.names.iter().map(|name| &*name.text).collect();
                (
                    format!("<broken {}>", names.join(" ")),
                    broken.block.as_ref(),
                )
            }
        };
        text.push_str(&format!("{indent}{line}\n"));
        if let Some(block) = body {
            self::statements(&block.statements, depth + 1, text);
        }
    }
}

fn header(node: &Node) -> String {
    let mut parts = vec![node.word.text.to_string()];
    parts.extend(node.arguments.iter().map(expr));
    if let Some(parameters) = &node.parameters {
        let parameters: Vec<_> = parameters.iter().map(parameter).collect();
        parts.push(format!("<{}>", parameters.join(", ")));
    }
    parts.extend(node.type_of.iter().map(|of| format!(": {}", type_of(of))));
    parts.extend(node.value.iter().map(|value| format!("= {}", expr(value))));
    parts.extend(node.fan_out.iter().map(|fan_out| self::fan_out(fan_out)));
    parts.extend(node.alias.iter().map(|alias| format!("as {}", alias.text)));
    parts.join(" ")
}

fn parameter(parameter: &Parameter) -> String {
    let default = parameter
        .default
        .as_ref()
        .map(|default| format!(" = {}", expr(default)));
    let default = default.unwrap_or_default();
    format!(
        "{}: {}{default}",
        parameter.name.text,
        type_of(&parameter.type_of)
    )
}

fn fan_out(fan_out: &FanOut) -> String {
    let sources = fan_out.sources.iter();
    let sources: Vec<_> = sources
        .map(|source| format!("{} in {}", source.name.text, expr(&source.list)))
        .collect();
    let filter = fan_out
        .filter
        .as_ref()
        .map(|filter| format!(" where {}", expr(filter)));
    format!("for {}{}", sources.join(", "), filter.unwrap_or_default())
}

fn type_of(of: &Type) -> String {
    let untrusted = if of.untrusted.is_some() {
        "untrusted "
    } else {
        ""
    };
    let arguments = of.arguments.iter().map(|argument| match argument {
        TypeArgument::Type(of) => type_of(of),
        TypeArgument::Text(text) => text.raw.to_string(),
        TypeArgument::Field(name, of) => format!("{}: {}", name.text, type_of(of)),
    });
    let arguments: Vec<_> = arguments.collect();
    match arguments.is_empty() {
        true => format!("{untrusted}{}", of.name.text),
        false => format!("{untrusted}{}({})", of.name.text, arguments.join(", ")),
    }
}

fn key(key: &Key) -> String {
    match key {
        Key::Name(name) => name.text.to_string(),
        Key::Text(text) => text.raw.to_string(),
    }
}

fn exprs(list: &[Expr]) -> String {
    list.iter().map(expr).collect::<Vec<_>>().join(", ")
}

/// An expression, every operator in parentheses; those of the text are left out.
pub fn expr(expression: &Expr) -> String {
    match &expression.kind {
        ExprKind::Text(text) => text.raw.to_string(),
        ExprKind::Number(number) => format!("{number:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Name(name) => name.to_string(),
        ExprKind::List(items) => format!("[{}]", exprs(items)),
        ExprKind::Comprehension(inner) => {
            format!("[{} {}]", expr(&inner.item), fan_out(&inner.fan_out))
        }
        ExprKind::Map(entries) => {
            let entries = entries.iter();
            let entries: Vec<_> = entries
                .map(|entry| format!("{} = {}", key(&entry.key), expr(&entry.value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        ExprKind::Member(base, name) => format!("{}.{}", expr(base), name.text),
        ExprKind::Index(base, indexes) => format!("{}[{}]", expr(base), exprs(indexes)),
        ExprKind::Call(callee, arguments) => {
            let arguments = arguments.iter().map(|argument| match &argument.name {
                Some(name) => format!("{} = {}", name.text, expr(&argument.value)),
                None => expr(&argument.value),
            });
            format!(
                "{}({})",
                expr(callee),
                arguments.collect::<Vec<_>>().join(", ")
            )
        }
        ExprKind::Unary(unary) => {
            format!("({} {})", unary.operator.text(), expr(&unary.operand))
        }
        ExprKind::Binary(binary) => {
            let operator = binary.operator.text();
            format!(
                "({} {operator} {})",
                expr(&binary.left),
                expr(&binary.right)
            )
        }
        ExprKind::If(choice) => {
            let If { condition, yes, no } = &**choice;
            format!(
                "(if {} then {} else {})",
                expr(condition),
                expr(yes),
                expr(no)
            )
        }
        ExprKind::Paren(inner) => expr(inner),
        ExprKind::Error => "<error>".to_owned(),
    }
}
