# shellcheck shell=bash
#
# The test run: what the tests find in their environment, and prove.
#
#   OOF_NGINX, TEST_NGINX_BINARY   the nginx under test
#   OOF_PKI                        keys and certificates (sandbox/pki)
#   OOF_PG_BIN                     folder of initdb and postgres
#   OOF_PG_USER                    who PostgreSQL runs as when we are root
#   OOF_PG_DIR                     a folder of that user's, with a short path,
#                                  for clusters and sockets; gone afterwards


: "${root:?}" "${OOF_VAR:?}"

tests_environment() {
    export OOF_NGINX=$OOF_VAR/build/$1/nginx
    export TEST_NGINX_BINARY=$OOF_NGINX
    export OOF_PKI=$OOF_VAR/pki
    export OOF_ROOT=$root

    OOF_PG_BIN=$(pg_bin) || die "no PostgreSQL server found"
    OOF_PG_USER=$("$root/sandbox/ctl" pg-user)
    OOF_PG_DIR=$("$root/sandbox/ctl" pg-scratch)
    export OOF_PG_BIN OOF_PG_USER OOF_PG_DIR

    export PATH=$OOF_VAR/build/$1:$OOF_PG_BIN:$PATH
    export PERL5LIB=$root/t/lib:$OOF_VAR/perl${PERL5LIB:+:$PERL5LIB}
}


tests_prove() {
    local args=("$@") arg files=no rc=0

    for arg in "$@"; do
        if [ -e "$arg" ]; then
            files=yes
        fi
    done

    if [ $files = no ]; then
        args+=(-r t)
    fi

    cd "$root" || return
    prove --timer "${args[@]}" || rc=$?
    "$root/sandbox/ctl" pg-scratch --remove
    return $rc
}


# a report of either sanitizer in our code, or of the address sanitizer
# anywhere, is a failure whatever prove says

tests_sanitizer_reports() {
    local found

    found=$(grep -lE 'ERROR: |ngx_oof[^ ]*: runtime error' \
        "$OOF_VAR"/log/sanitizer.* 2> /dev/null || true)

    if [ -n "$found" ]; then
        echo "sanitizer reports in:"
        printf '%s\n' "$found" | sed 's/^/    /'
        return 1
    fi

    echo "sanitizers ... clean"
}


command_test() {
    local kind=static rc=0

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

        rm -f "$OOF_VAR"/log/sanitizer.*
        export ASAN_OPTIONS="log_path=$OOF_VAR/log/sanitizer:\
detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1"
        export UBSAN_OPTIONS="log_path=$OOF_VAR/log/sanitizer:\
print_stacktrace=1"
    fi

    step "keys and certificates" pki "$root/sandbox/pki" "$OOF_VAR/pki"
    tests_environment $kind

    if [ ! -d "$root/t" ]; then
        die "there is no folder t/ with tests"
    fi

    tests_prove "$@" || rc=$?

    if [ $kind = sanitize ]; then
        tests_sanitizer_reports || rc=1
    fi

    return $rc
}
