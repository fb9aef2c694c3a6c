//! The environment of a step: the base, the job's and its own variables, and a few of Gantry's.

use super::StartError;
use crate::os;
use model::AttemptId;
use model::spec::{EnvValue, EnvVar};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The file that outputs are written to.
const OUTPUT: &str = "GANTRY_OUTPUT";
/// The folder in which the job's steps start, unless they say another.
const WORKSPACE: &str = "GANTRY_WORKSPACE";
/// The number of the run.
const RUN: &str = "GANTRY_RUN";
/// The name of the job.
const JOB: &str = "GANTRY_JOB";
/// The number of the attempt, from 1.
const ATTEMPT: &str = "GANTRY_ATTEMPT";

/// The folders and files that an environment names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    pub(crate) root: &'a Path,
    pub(crate) home: &'a Path,
    pub(crate) tmp: &'a Path,
    pub(crate) output: &'a Path,
}

/// What the steps of one job have in common.
#[derive(Debug)]
pub(crate) struct Environment {
    base: BTreeMap<OsString, OsString>,
    own: Vec<(OsString, OsString)>,
    secrets: BTreeMap<String, Vec<u8>>,
}

impl Environment {
    pub(crate) fn new(
        base: &BTreeMap<String, String>,
        places: Places<'_>,
        job: &str,
        attempt: AttemptId,
        secrets: BTreeMap<String, Vec<u8>>,
    ) -> Self {
        let mut base: BTreeMap<OsString, OsString> = base
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        let homes = os::home_variables().iter().map(|name| (name, places.home));
        let tmps = os::tmp_variables().iter().map(|name| (name, places.tmp));
        base.extend(
            homes
                .chain(tmps)
                .map(|(name, path)| (name.into(), path.into())),
        );
        let own = [
            (OUTPUT, places.output.into()),
            (WORKSPACE, places.root.into()),
            (RUN, attempt.run.to_string().into()),
            (JOB, job.into()),
            (ATTEMPT, attempt.number.to_string().into()),
        ];
        Self {
            base,
            own: own.map(|(name, value)| (name.into(), value)).into(),
            secrets,
        }
    }

    /// The environment for these variables, the later ones over the earlier ones, and Gantry's own
    /// over all.
    pub(crate) fn with(&self, env: &[&[EnvVar]]) -> Result<Variables, StartError> {
        let mut all = self.base.clone();
        for EnvVar { name, value } in env.iter().copied().flatten() {
            let key = OsString::from(name);
            match self.value(name, value)? {
                Some(value) => all.insert(key, value),
                None => all.remove(&key),
            };
        }
        all.extend(self.own.iter().cloned());
        for (name, value) in &all {
            if value.as_encoded_bytes().contains(&0) {
                let variable = name.to_string_lossy().into_owned();
                return Err(StartError::Nul { variable });
            }
        }
        Ok(Variables(all.into_iter().collect()))
    }

    fn value(&self, variable: &str, value: &EnvValue) -> Result<Option<OsString>, StartError> {
        match value {
            EnvValue::Text(text) => Ok(Some(text.into())),
            // Unset on the machine means unset here.
            EnvValue::Inherit(name) => Ok(std::env::var_os(name)),
            EnvValue::Secret(name) => {
                let missing = || StartError::NoSecret {
                    secret: name.clone(),
                    variable: variable.to_owned(),
                };
                let bytes = self.secrets.get(name).ok_or_else(missing)?;
                let value = os::text_from_bytes(bytes).ok_or_else(|| StartError::SecretNoText {
                    secret: name.clone(),
                })?;
                Ok(Some(value))
            }
        }
    }
}

/// The variables of one step.
#[derive(Debug)]
pub(crate) struct Variables(pub(crate) Vec<(OsString, OsString)>);

impl Variables {
    /// Where its programs are sought.
    pub(crate) fn path(&self) -> &OsStr {
        self.0
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("PATH"))
            .map_or(OsStr::new(""), |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, Places};
    use model::ids::{AttemptId, JobId, RunId};
    use model::spec::{EnvValue, EnvVar};
    use std::collections::BTreeMap;
    use std::path::Path;

    /// The environment for these variables of the job and the step, without the base.
    #[track_caller]
    fn check(job: &[(&str, EnvValue)], step: &[(&str, EnvValue)], expected: &str) {
        let path = Path::new("/p");
        let places = Places {
            root: path,
            home: path,
            tmp: path,
            output: path,
        };
        let attempt = AttemptId {
            run: RunId(17),
            job: JobId(3),
            number: 1,
        };
        let secrets = BTreeMap::from([
            ("token".to_owned(), b"hunter2".to_vec()),
            ("nul".to_owned(), b"a\0b".to_vec()),
        ]);
        let base = BTreeMap::from([("BASE".to_owned(), "base".to_owned())]);
        let environment = Environment::new(&base, places, "a job", attempt, secrets);
        let vars = |list: &[(&str, EnvValue)]| -> Vec<EnvVar> {
            list.iter()
                .map(|(name, value)| EnvVar {
                    name: (*name).to_owned(),
                    value: value.clone(),
                })
                .collect()
        };
        let found = match environment.with(&[&vars(job), &vars(step)]) {
            Err(error) => error.to_string(),
            Ok(variables) => {
                let shown: Vec<String> = variables
                    .0
                    .iter()
                    .filter(|(_, value)| value != "/p")
                    .filter(|(name, _)| !name.to_string_lossy().starts_with("GANTRY_"))
                    .map(|(name, value)| format!("{}={}", name.display(), value.display()))
                    .collect();
                shown.join(" ")
            }
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn later_ones_win_and_what_is_unset_stays_so() {
        let text = |value: &str| EnvValue::Text(value.to_owned());
        let unset = EnvValue::Inherit("NOT_SET_ON_ANY_MACHINE".to_owned());
        let token = EnvValue::Secret("token".to_owned());
        check(&[], &[], "BASE=base");
        check(&[("A", text("1"))], &[("A", text("2"))], "A=2 BASE=base");
        check(
            &[("A", text(""))],
            &[("B", token)],
            "A= B=hunter2 BASE=base",
        );
        check(&[("BASE", unset)], &[], "");
        check(&[("GANTRY_RUN", text("x"))], &[], "BASE=base");
    }

    #[test]
    fn what_can_not_be_given_is_named() {
        check(
            &[("A", EnvValue::Secret("other".to_owned()))],
            &[],
            "no value was given for the secret `other`, which `A` needs",
        );
        check(
            &[("A", EnvValue::Secret("nul".to_owned()))],
            &[],
            "the value of `A` holds a NUL character, which no environment can",
        );
    }
}
