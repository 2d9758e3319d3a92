# shellcheck shell=bash
#
# The test run: what the tests find in their environment, and prove.
#
#   OOF_NGINX, TEST_NGINX_BINARY   the nginx under test
#   OOF_OBJS, OOF_SOURCE           its object files, and nginx's source
#   OOF_PG_BIN                     folder of initdb and postgres
#   OOF_MEASURE                    that nothing runs beside a measurement
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


# tests_prove JOBS ARG …: all of t/ when the arguments name no file

tests_prove() {
    local jobs=$1 arg files=no
    shift

    for arg in "$@"; do
        if [ -e "$arg" ]; then
            files=yes
        fi
    done

    cd "$root" || return

    if [ $files = no ]; then
        set -- "$@" -r t
    fi

    prove --timer -j "$jobs" "$@"
}


# Everything with the sanitizers, whose reports the tests look for: nginx's own
# leaks at exit are no news, and loadable modules define the same names as
# nginx itself, as nginx means it.  Then the measurements, on the build that is
# measured, with nothing beside them.

tests_long() {
    local rc=0

    deps_install wrk
    deps_install_idle prometheus nginx-core libnginx-mod-http-modsecurity \
        modsecurity-crs
    nginx_headers
    nginx_build dynamic
    nginx_build sanitize

    # nginx's own, of its configuration's prefix at each start
    echo 'nonnull-attribute:ngx_pstrdup' > "$OOF_VAR/build/suppressed"

    tests_environment sanitize
    UBSAN_OPTIONS=print_stacktrace=1:\
suppressions=$OOF_VAR/build/suppressed \
    ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:\
detect_stack_use_after_return=1 \
        tests_prove "$(jobs_count)" "$@" || rc=1

    if [ $# -eq 0 ]; then
        tests_environment static
        OOF_MEASURE=1 tests_prove 1 t/560-events-killed.t \
            t/561-events-away.t t/562-kafka-secure.t \
            t/580-webhook-speed.t t/619-owners.t t/651-sweep-many.t \
            t/715-rolling.t t/790-memory.t t/791-idle.t \
            t/792-payments-killed.t t/950-image.t \
            t/951-image-arm64.t t/960-chart.t \
            t/980-terraform.t t/985-waf.t || rc=1
    fi

    return $rc
}


command_test() {
    local long=no

    if [ "${1-}" = --long ]; then
        long=yes
        shift
    fi

    deps_install_test
    nginx_build static

    if [ $long = yes ]; then
        tests_long "$@"
    else
        tests_environment static
        tests_prove "$(jobs_count)" "$@"
    fi
}
