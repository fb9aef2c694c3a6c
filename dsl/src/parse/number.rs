//! Numbers and their units: `10`, `1.5`, `10m`, `512MiB`, `25%`.

use std::time::Duration;

use crate::ast::Number;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;

/// In milliseconds.
const DURATIONS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// In bytes: the binary ones as they are measured, the decimal ones as disks are sold.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// What people write for a unit, and what it is called here.
const MISTAKEN: &[(&str, &str)] = &[
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("min", "m"),
    ("mins", "m"),
    ("minute", "m"),
    ("minutes", "m"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("week", "w"),
    ("weeks", "w"),
    ("millis", "ms"),
    ("b", "B"),
    ("k", "KiB"),
    ("kb", "KB"),
    ("kib", "KiB"),
    ("ki", "KiB"),
    ("mb", "MB"),
    ("mib", "MiB"),
    ("mi", "MiB"),
    ("g", "GiB"),
    ("gb", "GB"),
    ("gib", "GiB"),
    ("gi", "GiB"),
    ("t", "TiB"),
    ("tb", "TB"),
    ("tib", "TiB"),
    ("ti", "TiB"),
];

/// Reads a number token.
pub(super) fn number(token: &str, span: Span) -> Result<Number, Diagnostic> {
    let unit_at = token
        .find(|character: char| character.is_ascii_alphabetic() || character == '%')
        .unwrap_or(token.len());
    let (digits, unit) = token.split_at(unit_at);
    let digits = digits.replace('_', "");
    let out_of_range = |most: &str| {
        Diagnostic::error(
            Code::NumberOutOfRange,
            format!("`{token}` is no number that can be kept"),
            span,
            format!("at most {most}"),
        )
    };
    let too_fine = |least: &str| {
        Diagnostic::error(
            Code::NumberOutOfRange,
            format!("`{token}` is finer than can be kept"),
            span,
            format!("not a whole number of {least}"),
        )
    };
    let scale = |table: &[(&str, u64)]| {
        table
            .iter()
            .find(|&&(name, _)| name == unit)
            .map(|&(_, factor)| factor)
    };

    if unit.is_empty() && !digits.contains('.') {
        return digits
            .parse()
            .map(Number::Int)
            .map_err(|_| out_of_range(&i64::MAX.to_string()));
    }
    if unit.is_empty() {
        // Digits and a point always are a float; it is infinite where there are too many.
        return match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Number::Float(value)),
            _ => Err(out_of_range(&f64::MAX.to_string())),
        };
    }
    if unit == "%" {
        return match scaled(&digits, 100) {
            Scaled::Whole(value) => u32::try_from(value)
                .map(Number::Percent)
                .map_err(|_| out_of_range(&format!("{}%", u32::MAX / 100))),
            Scaled::TooFine => Err(too_fine("hundredths of a percent")),
            Scaled::TooLarge => Err(out_of_range(&format!("{}%", u32::MAX / 100))),
        };
    }
    if let Some(factor) = scale(DURATIONS) {
        return match scaled(&digits, factor) {
            Scaled::Whole(value) => Ok(Number::Duration(Duration::from_millis(value))),
            Scaled::TooFine => Err(too_fine("milliseconds")),
            Scaled::TooLarge => Err(out_of_range("18446744073709551615ms")),
        };
    }
    if let Some(factor) = scale(SIZES) {
        return match scaled(&digits, factor) {
            Scaled::Whole(value) => Ok(Number::Size(value)),
            Scaled::TooFine => Err(too_fine("bytes")),
            Scaled::TooLarge => Err(out_of_range("18446744073709551615B")),
        };
    }
    Err(unknown_unit(&digits, unit, span))
}

/// Whether that is a unit, or what people write for one.
pub(super) fn is_unit(written: &str) -> bool {
    let known = DURATIONS
        .iter()
        .chain(SIZES)
        .any(|&(name, _)| name == written);
    known || mistaken(written).is_some()
}

/// The unit that is meant by it.
pub(super) fn unit(written: &str) -> &str {
    mistaken(written).unwrap_or(written)
}

fn mistaken(written: &str) -> Option<&'static str> {
    let lower = written.to_ascii_lowercase();
    MISTAKEN
        .iter()
        .find(|&&(mistaken, _)| mistaken == lower)
        .map(|&(_, name)| name)
}

enum Scaled {
    Whole(u64),
    TooFine,
    TooLarge,
}

/// `digits * factor`, exactly: no float rounds a size.
fn scaled(digits: &str, factor: u64) -> Scaled {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let Ok(whole) = whole.parse::<u64>() else {
        return Scaled::TooLarge;
    };
    let part = if fraction.is_empty() {
        0
    } else {
        // No factor has that many decimals, so that what is longer can't come out whole.
        let (Ok(numerator), Some(denominator)) = (
            fraction.parse::<u128>(),
            10_u128.checked_pow(fraction.len() as u32),
        ) else {
            return Scaled::TooFine;
        };
        let Some(product) = numerator.checked_mul(u128::from(factor)) else {
            return Scaled::TooFine;
        };
        if product % denominator != 0 {
            return Scaled::TooFine;
        }
        (product / denominator) as u64
    };
    match whole
        .checked_mul(factor)
        .and_then(|value| value.checked_add(part))
    {
        Some(value) => Scaled::Whole(value),
        None => Scaled::TooLarge,
    }
}

fn unknown_unit(digits: &str, unit: &str, span: Span) -> Diagnostic {
    let unit_span = Span::new(span.file, span.end - unit.len() as u32, span.end);
    let diagnostic = Diagnostic::error(
        Code::UnknownUnit,
        format!("unknown unit `{unit}`"),
        unit_span,
        "no unit",
    );
    if let Some(duration) = compound(digits, unit) {
        return diagnostic
            .help(format!("a duration has one unit: write `{duration}`"))
            .fix(span, duration, Applicability::Machine);
    }
    let mut known = DURATIONS.iter().chain(SIZES).map(|&(name, _)| name);
    let meant = mistaken(unit).or_else(|| known.find(|name| name.eq_ignore_ascii_case(unit)));
    match meant {
        Some(name) => diagnostic
            .help(format!("did you mean `{digits}{name}`?"))
            .fix(unit_span, name, Applicability::Maybe),
        None => diagnostic.help(
            "durations have `ms s m h d w`, sizes `B KiB MiB GiB TiB KB MB GB TB`, and a \
             percentage `%`; a name begins with a letter",
        ),
    }
}

/// `1h30m` in its smallest unit: `90m`.
fn compound(digits: &str, unit: &str) -> Option<String> {
    let mut rest = unit;
    let mut total = 0_u64;
    let mut smallest = u64::MAX;
    let mut amount = digits.parse::<u64>().ok()?;
    loop {
        let letters = rest.find(|character: char| !character.is_ascii_alphabetic());
        let (name, tail) = rest.split_at(letters.unwrap_or(rest.len()));
        let &(_, factor) = DURATIONS.iter().find(|&&(known, _)| known == name)?;
        total = total.checked_add(amount.checked_mul(factor)?)?;
        smallest = smallest.min(factor);
        if tail.is_empty() {
            break;
        }
        let end = tail.find(|character: char| !character.is_ascii_digit())?;
        amount = tail[..end].parse().ok()?;
        rest = &tail[end..];
    }
    let &(name, factor) = DURATIONS.iter().find(|&&(_, factor)| factor == smallest)?;
    Some(format!("{}{name}", total / factor))
}
