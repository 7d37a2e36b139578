# shellcheck shell=bash
# Sourced: finds the Rust toolchain where HOME or PATH do not lead to it (cron, containers, sudo).

# The home folders that a toolchain may have been installed in.
toolchain_homes() {
    local cargo
    echo "${HOME:-}"
    getent passwd "$(id -u)" | cut -d: -f6
    if cargo=$(command -v cargo); then
        dirname "$(dirname "$(dirname "$cargo")")"
    fi
}

find_toolchain() {
    local home
    while read -r home; do
        if ! command -v cargo >/dev/null && [[ -x $home/.cargo/bin/cargo ]]; then
            PATH=$home/.cargo/bin:$PATH
        fi
        if [[ -z ${RUSTUP_HOME:-} && -d $home/.rustup ]]; then
            export RUSTUP_HOME=$home/.rustup
        fi
        if [[ -z ${CARGO_HOME:-} && -d $home/.cargo && -w $home/.cargo ]]; then
            export CARGO_HOME=$home/.cargo
        fi
    done < <(toolchain_homes)
    # Cargo keeps what it downloads somewhere.
    if [[ -z ${CARGO_HOME:-} && ! -w ${HOME:-/nowhere} ]]; then
        export CARGO_HOME=$PWD/target/cargo-home
    fi
    if ! command -v cargo >/dev/null; then
        echo "cargo is missing: install a Rust toolchain, see https://rustup.rs" >&2
        return 1
    fi
}
