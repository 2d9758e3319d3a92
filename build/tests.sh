# shellcheck shell=bash
#
# The test run: what the tests find in their environment, and prove.
#
#   OOF_NGINX, TEST_NGINX_BINARY   the nginx under test
#   OOF_OBJS, OOF_SOURCE           its object files, and nginx's source
#   OOF_PG_BIN                     folder of initdb and postgres
#   OOF_LONG                       with --long: what takes its time, too
#   OOF_VAR                        where tests keep what outlives one file


: "${root:?}" "${OOF_VAR:?}"

tests_environment() {
    export OOF_OBJS=$OOF_VAR/build/$1
    export OOF_NGINX=$OOF_OBJS/nginx
    OOF_SOURCE=$OOF_VAR/src/nginx-$(cat "$OOF_VAR/src/version")
    export OOF_SOURCE
    export TEST_NGINX_BINARY=$OOF_NGINX

    OOF_PG_BIN=$(pg_bin) || die "no PostgreSQL server found"
    export OOF_PG_BIN

    export PATH=$OOF_OBJS:$OOF_PG_BIN:$PATH
    export PERL5LIB=$root/t/lib:$OOF_VAR/perl${PERL5LIB:+:$PERL5LIB}
}


tests_prove() {
    local args=("$@") arg files=no

    for arg in "$@"; do
        if [ -e "$arg" ]; then
            files=yes
        fi
    done

    if [ $files = no ]; then
        args+=(-r t)
    fi

    cd "$root" || return
    prove --timer -j "$(jobs_count)" "${args[@]}"
}


command_test() {
    local kind=static

    if [ "${1-}" = --long ]; then
        kind=sanitize
        shift
    fi

    deps_install_test
    nginx_build static

    if [ $kind = sanitize ]; then
        nginx_headers
        nginx_build dynamic
        nginx_build sanitize

        export OOF_LONG=1

        # nginx's own leaks at exit are no news; the tests say where reports go

        export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:\
detect_stack_use_after_return=1
    fi

    tests_environment $kind

    if [ ! -d "$root/t" ]; then
        die "there is no folder t/ with tests"
    fi

    tests_prove "$@"

    # measurements, on the build that is measured, with nothing beside them

    if [ $kind = sanitize ] && [ $# -eq 0 ]; then
        tests_environment static
        OOF_MEASURE=1 tests_prove -j 1 t/790-memory.t t/791-idle.t
    fi
}
