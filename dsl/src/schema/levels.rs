//! Which tables make up which level.

use super::{Level, LevelKind, LevelKind as L, Setting, Word, settings as s, words as w};

const fn level(
    kind: LevelKind,
    title: &'static str,
    words: &'static [&'static [Word]],
    settings: &'static [&'static [Setting]],
) -> Level {
    Level {
        kind,
        title,
        words,
        settings,
    }
}

/// In the order of [`LevelKind`].
pub(super) static LEVELS: [Level; 26] = [
    level(L::File, "a file", &[w::FILE, w::SITE], &[]),
    level(L::Pipeline, "a pipeline", &[w::PIPELINE], &[s::PIPELINE]),
    level(
        L::Stage,
        "a stage",
        &[w::STAGE_WORDS],
        &[s::STAGE, s::FAN_OUT, s::FLEET, s::DEPLOY],
    ),
    level(L::StageHook, "a hook of a stage", &[w::JOBS], &[]),
    level(L::Finally, "a `finally`", &[w::FINALLY], &[]),
    level(L::Defaults, "a `defaults`", &[w::ENV_WORDS], &[s::DEFAULTS]),
    level(
        L::Job,
        "a job",
        &[w::STEPS, w::JOB_WORDS],
        &[s::JOB, s::FAN_OUT, s::DEPLOY],
    ),
    level(L::JobHook, "a hook of a job", &[w::STEPS], &[]),
    level(L::Verify, "a `verify`", &[w::STEPS], &[]),
    level(L::Step, "a step", &[w::ENV_WORDS], &[s::STEP]),
    level(
        L::Container,
        "a container",
        &[w::STEPS, w::ENV_WORDS],
        &[s::STEP],
    ),
    level(L::Service, "a service", &[w::ENV_WORDS], &[s::SERVICE]),
    level(L::Cache, "a cache", &[], &[s::CACHE]),
    level(L::Approve, "an approval", &[], &[s::APPROVE]),
    level(L::Merge, "a merge", &[], &[s::MERGE]),
    level(L::Notify, "a notification", &[], &[s::NOTIFY]),
    level(L::On, "a trigger", &[], &[s::ON]),
    level(L::Param, "a parameter", &[], &[s::PARAM]),
    level(L::Plugin, "a plugin", &[], &[s::PLUGIN]),
    // Its settings have the names of variables, which the author gives.
    level(L::Env, "an `env`", &[], &[]),
    level(L::Test, "a test", &[w::TEST], &[s::TEST]),
    // Its settings are outputs, which the author gives.
    level(L::Given, "a `given`", &[], &[s::GIVEN]),
    level(
        L::Environment,
        "an environment",
        &[w::DESTROY],
        &[s::ENVIRONMENT],
    ),
    level(L::Destroy, "a `destroy`", &[w::STEPS], &[]),
    level(L::Team, "a team", &[], &[s::TEAM]),
    level(L::Calendar, "a calendar", &[], &[s::CALENDAR]),
];

pub(super) fn level_of(kind: LevelKind) -> &'static Level {
    &LEVELS[kind as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_in_their_order() {
        for (index, level) in LEVELS.iter().enumerate() {
            assert_eq!(level.kind as usize, index, "{}", level.title);
        }
    }
}
