# What the scripts share: saying what happens, and installing what is missing. Sourced, not run.

say() { printf '\033[1m== %s\033[0m\n' "$*" >&2; }

# step NAME COMMAND…: runs it, tells how long it took, and stops the script when it fails.
step() {
  local name=$1 start=$SECONDS; shift
  say "$name"
  "$@" || { say "FAILED: $name ($*)"; exit 1; }
  say "$name: passed in $((SECONDS - start)) s"
}

# built NAME [release]: the path of a built binary.
built() { printf '%s/%s/%s\n' "${CARGO_TARGET_DIR:-$PWD/target}" "${2:-debug}" "$1"; }

# tool NAME: a cargo tool that the scripts installed, or the machine's.
tool() { command -v "$1" || printf '%s/tools/bin/%s\n' "${CARGO_TARGET_DIR:-$PWD/target}" "$1"; }

# debian COMMAND PACKAGE…: installs Debian packages unless the command is there.
debian() {
  local command=$1; shift
  command -v "$command" >/dev/null && return
  local sudo=""; [[ $(id -u) == 0 ]] || sudo=sudo
  say "installing $*"
  $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

need_build_tools() {
  command -v cargo >/dev/null || { say "cargo is missing: install Rust (rust-toolchain.toml names the version)"; exit 1; }
  debian cc gcc libc6-dev
  debian make make
}

# The clients and a real broker; its service is not used: tests start their own.
need_mosquitto() {
  debian mosquitto_pub mosquitto-clients
  PATH="$PATH:/usr/sbin" debian mosquitto mosquitto
}

need_cargo_deny() {
  [[ -x $(tool cargo-deny) ]] && return
  say "installing cargo-deny"
  cargo install --quiet --locked --root "${CARGO_TARGET_DIR:-$PWD/target}/tools" cargo-deny --version 0.20.2
}

# Independent readers of the lake, in a virtual environment of their own.
need_python() {
  debian python3 python3 python3-venv
  local venv="${CARGO_TARGET_DIR:-$PWD/target}/venv"
  export KERBSIDE_PYTHON="$venv/bin/python"
  if ! "$KERBSIDE_PYTHON" -c 'import deltalake, duckdb, pyarrow' 2>/dev/null; then
    say "installing the Python packages of tests/python/requirements.txt"
    python3 -m venv "$venv"
    "$KERBSIDE_PYTHON" -m pip install --quiet --disable-pip-version-check -r tests/python/requirements.txt
  fi
}
