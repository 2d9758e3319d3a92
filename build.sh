#!/usr/bin/env bash
#
# The one entry to building, running and testing oof: see usage below, and
# README.md.  Every subcommand may run again at any time.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# shellcheck source=build/common.sh
. "$root/build/common.sh"
# shellcheck source=build/deps.sh
. "$root/build/deps.sh"
# shellcheck source=build/nginx.sh
. "$root/build/nginx.sh"
# shellcheck source=build/tests.sh
. "$root/build/tests.sh"
# shellcheck source=build/fuzz.sh
. "$root/build/fuzz.sh"
# shellcheck source=build/image.sh
. "$root/build/image.sh"
# shellcheck source=build/cross.sh
. "$root/build/cross.sh"


usage() {
    cat <<END
usage: ./build.sh COMMAND

  run                   build, make a sandbox under var/, start it and run the
                        demonstration; leaves everything running
  stop                  end all that run started
  test [--long] [ARG…]  build and run the tests; ARGs go to prove; --long adds
                        the sanitizers and newer nginx headers
  deps [--build]        install what is missing (apt-get); --build: what
                        compiling needs, alone
  build                 build nginx with the modules
        [--sanitize]    … with address and undefined behaviour sanitizers
        [--dynamic]     … as loadable modules
        [--headers]     … against the headers of nginx $OOF_HEADERS_VERSION
  fuzz [TARGET…]        fuzzing of the parsers (t/fuzz), 10 minutes each
        [--time SECONDS]  … or that long
  bench [NAME…]         benchmarks
  migrate CONNINFO      bring a database's schema to this version; the run-time
                        role is \$OOF_ROLE, "oof" by default
  rotate                gives the sandbox new keys of personal data and brings
                        all of it under them, while it serves
  import FILE…          clients, ids of resources and consents of another
        [--dry-run] …   platform (docs/import.md)
  image [arm64]         the container image, with docker, podman or buildah;
                        that of another machine cross-built, and not run

OOF_VAR=DIR puts var/ elsewhere, OOF_CONF_EXTRA=FILE includes a file in the
http{} block of the sandbox, CC is the compiler.
END
}


command_deps() {
    case ${1-} in
    "")       deps_install "${deps_build[@]}" "${deps_run[@]}" ;;
    --build)  deps_install "${deps_build[@]}" "${deps_image[@]}" ;;
    *)        die "unknown option \"$1\" of deps" ;;
    esac
}


command_build() {
    case ${1-} in
    "")         nginx_build static ;;
    --sanitize) nginx_build sanitize ;;
    --dynamic)  nginx_build dynamic ;;
    --headers)  nginx_headers ;;
    *)          die "unknown option \"$1\" of build" ;;
    esac
}


command_run() {
    command_deps
    nginx_build static
    exec "$root/sandbox/ctl" up
}


command_stop() {
    if ! command -v python3 > /dev/null; then
        echo "nothing runs: python3 is not even installed"
        return
    fi
    exec "$root/sandbox/ctl" down
}


command_bench() {
    deps_install "${deps_build[@]}" "${deps_run[@]}" "${deps_bench[@]}"
    nginx_build static

    exec "$root/bench/run" "$@"
}


command_import() {
    exec /usr/bin/python3 "$root/build/import" "$@"
}


command_migrate() {
    if [ $# -ne 1 ]; then
        die "usage: ./build.sh migrate CONNINFO"
    fi
    exec "$root/build/migrate" "$1"
}


command_rotate() {
    exec "$root/sandbox/ctl" rotate
}


name=${1-}
[ $# -eq 0 ] || shift

case $name in
deps|build|run|stop|test|fuzz|bench|migrate|rotate|import|image)
    var_make
    "command_$name" "$@"
    ;;
help|-h|--help)
    usage
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
