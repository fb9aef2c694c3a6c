# Sourced by tests/run, tests/bench and tests/sim: brings a fresh machine to the point where the
# project builds. Installs only what is missing, and says what it installs.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# need PROGRAM PACKAGE: the program is there, or Debian's package that has it is installed.
need() {
  command -v "$1" >/dev/null && return
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "$1 is missing; install it (on Debian: apt-get install $2)"
    as_root=(sudo -n)
  fi
  command -v apt-get >/dev/null || die "$1 is missing; install it (Debian calls its package $2)"
  say "$1 is missing: installing $2"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get install -qq --yes --no-install-recommends "$2" >/dev/null 2>&1 ||
    { "${as_root[@]}" apt-get update -qq >/dev/null &&
      "${as_root[@]}" apt-get install -qq --yes --no-install-recommends "$2" >/dev/null; } ||
    die "$2 could not be installed"
}

# The pinned toolchain, or the machine's stable one where that is the very same version: some
# machines have no other and may not download one.
use_toolchain() {
  local wanted
  wanted=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
  if ! command -v rustup >/dev/null; then
    command -v cargo >/dev/null || die "Rust is missing; see https://rustup.rs"
    say "no rustup here: using $(rustc --version), whatever rust-toolchain.toml says"
    return
  fi
  if rustup run "$wanted" rustc --version >/dev/null 2>&1; then
    return
  fi
  if [[ "$(rustup run stable rustc --version 2>/dev/null)" == "rustc $wanted "* ]]; then
    say "toolchain $wanted is installed here under the name stable: using that"
    export RUSTUP_TOOLCHAIN=stable
    return
  fi
  say "toolchain $wanted is missing: installing it"
  rustup toolchain install "$wanted" --profile minimal --component rustfmt --component clippy ||
    die "toolchain $wanted could not be installed"
}

# has_component NAME: a component of the toolchain is there, or is added.
has_component() {
  command -v rustup >/dev/null || return 0
  rustup component list --installed 2>/dev/null | grep -q "^$1" ||
    rustup component add "$1" || die "component $1 could not be installed"
}

# has_target TRIPLE: the standard library for a target is there, or is added.
has_target() {
  [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ] && return
  command -v rustup >/dev/null || die "the standard library for $1 is missing"
  rustup target add "$1" || die "target $1 could not be installed"
}

# Where cargo puts what it builds.
target_folder() { realpath -m "${CARGO_TARGET_DIR:-$PWD/target}"; }
