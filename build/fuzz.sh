# shellcheck shell=bash
#
# Fuzzing: each t/fuzz/NAME.c is a target.  The parsers, and what they stand on
# of nginx, are built again under the sanitizers and linked with the rest of
# the ordinary build.  clang's libFuzzer drives them, which looks for ways
# through the code; where there is no clang, t/fuzz/driver.c does, which does
# not.  What is found is kept in var/fuzz/, as are the inputs that led on.

: "${root:?}" "${OOF_VAR:?}"

# every allocation of a pool by itself, so that a step beyond it is seen;
# copying nothing from nowhere is nginx's habit, and no news

fuzz_flags=(-g -O1 -fsanitize=address,undefined -fno-omit-frame-pointer
    -fno-sanitize=nonnull-attribute -DNGX_DEBUG_PALLOC=1)

fuzz_cc=
fuzz_clang=no


fuzz_usage() {
    echo "usage: ./build.sh fuzz [--time SECONDS] [TARGET…]" >&2
    exit 2
}


# the sources that are looked into

fuzz_sources() {
    local name

    for name in palloc string; do
        echo "$OOF_VAR/src/nginx-$1/src/core/ngx_$name.c"
    done

    for name in json json_read clock jws schema uuid; do
        echo "$root/ngx_oof_common/src/ngx_oof_$name.c"
    done

    # shellcheck disable=SC2154
    (
        ngx_addon_dir=$root/ngx_oof_payments
        . "$ngx_addon_dir/config.rules"
        printf '%s\n' $oof_payment_rules_srcs
    )
}


# clang with its runtime, or gcc

fuzz_compiler() {
    if ! fuzz_find_clang \
        && [ -n "$(apt-cache madison clang-14 2> /dev/null)" ]
    then
        deps_install clang-14 libclang-rt-14-dev
        fuzz_find_clang || true
    fi

    if [ $fuzz_clang = no ]; then
        fuzz_cc=gcc
        echo "no clang with a fuzzer: inputs are altered blindly"
    fi
}


# the newest clang that can link a fuzzer

fuzz_find_clang() {
    local name

    for name in clang $(compgen -c clang- | grep -E '^clang-[0-9]+$' \
                            | sort -u -t- -k2 -rn)
    do
        if echo 'int LLVMFuzzerTestOneInput(const char *p, long n)
                 { return !p && n; }' \
            | "$name" -x c -fsanitize=fuzzer,address - \
                -o "$OOF_VAR/fuzz/probe" 2> /dev/null
        then
            fuzz_cc=$name
            fuzz_clang=yes
            return
        fi
    done

    return 1
}


# a variable of the build's own Makefile, on one line

fuzz_words() {
    sed -e ':a' -e '/\\$/N; s/\\\n/ /; ta' "$OOF_VAR/build/static/Makefile" \
        | sed -n "s/^$1 = *//p" | tr -s ' \t' '  '
}


# fuzz_objects SOURCE: the parsers' objects, and the rest in an archive, where
# main() is out of the way

fuzz_objects() {
    local objs=$OOF_VAR/build/static dir=$OOF_VAR/fuzz/objs source rest name
    local incs flags=("${fuzz_flags[@]}")

    rm -rf "$dir" "$OOF_VAR/fuzz/rest.a"
    mkdir -p "$dir" || return

    read -r -a incs <<< "$(fuzz_words ALL_INCS)"

    if [ $fuzz_clang = yes ]; then
        flags+=(-fsanitize=fuzzer-no-link)
    fi

    cd "$1" || return

    for source in $(fuzz_sources "$(cat "$OOF_VAR/src/version")"); do
        "$fuzz_cc" "${flags[@]}" "${incs[@]}" -c \
            -o "$dir/$(basename "$source" .c).o" "$source" || return
    done

    rest=()

    while read -r name; do
        [ -f "$dir/$(basename "$name")" ] || rest+=("$name")
    done < <(find "$objs" -name '*.o' ! -name '*_module_modules.o' \
                 ! -path '*/src/core/nginx.o')

    objcopy --redefine-sym main=nginx_main "$objs/src/core/nginx.o" \
        "$OOF_VAR/fuzz/nginx.o" || return

    ar rcs "$OOF_VAR/fuzz/rest.a" "$OOF_VAR/fuzz/nginx.o" "${rest[@]}"
}


# fuzz_target NAME SOURCE

fuzz_target() {
    local incs libs driver=()

    read -r -a incs <<< "$(fuzz_words ALL_INCS)"

    # shellcheck disable=SC2016
    mapfile -t libs < <(sed -e ':a' -e '/\\$/N; s/\\\n/ /; ta' \
            "$OOF_VAR/build/static/Makefile" \
        | sed -n 's/^\t$(LINK) -o [^ ]*nginx//p' | tr -s ' \t' '\n' \
        | grep '^-[lL]' | awk '!seen[$0]++')

    if [ $fuzz_clang = yes ]; then
        driver=(-fsanitize=fuzzer)
    else
        driver=("$root/t/fuzz/driver.c")
    fi

    cd "$2" || return

    "$fuzz_cc" "${fuzz_flags[@]}" "${incs[@]}" -o "$OOF_VAR/fuzz/$1" \
        "$root/t/fuzz/$1.c" "${driver[@]}" "$OOF_VAR"/fuzz/objs/*.o \
        -Wl,--start-group "$OOF_VAR/fuzz/rest.a" -Wl,--end-group \
        "${libs[@]}"
}


# fuzz_run NAME SECONDS: prints what was run, keeps what was found

fuzz_run() {
    local log=$OOF_VAR/log/fuzz-$1.log inputs=$OOF_VAR/fuzz/$1.inputs rc=0

    mkdir -p "$inputs"

    if [ "$1" = zone ]; then
        cp /usr/share/zoneinfo/America/{Sao_Paulo,New_York} "$inputs/"
    fi

    printf '%-8s' "$1"

    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1 \
        "$OOF_VAR/fuzz/$1" "$inputs" "$root/t/fuzz/corpus/$1" \
        -max_total_time="$2" -timeout=20 -max_len=16384 -rss_limit_mb=2048 \
        -artifact_prefix="$OOF_VAR/fuzz/$1." > "$log" 2>&1 || rc=$?

    if [ $rc -ne 0 ]; then
        echo "FOUND SOMETHING, see $log"
        return 1
    fi

    sed -n 's/^Done \([0-9]* runs in [0-9]* second\).*/\1s/p' "$log"
}


command_fuzz() {
    local seconds=600 targets=() name source failed=0

    while [ $# -gt 0 ]; do
        case $1 in
        --time) [ $# -gt 1 ] || fuzz_usage
                seconds=$2
                shift ;;
        -*)     fuzz_usage ;;
        driver) fuzz_usage ;;
        *)      [ -f "$root/t/fuzz/$1.c" ] || fuzz_usage
                targets+=("$1") ;;
        esac
        shift
    done

    case $seconds in
    ""|*[!0-9]*) fuzz_usage ;;
    esac

    if [ ${#targets[@]} -eq 0 ]; then
        for name in "$root"/t/fuzz/*.c; do
            name=$(basename "$name" .c)
            [ "$name" = driver ] || targets+=("$name")
        done
    fi

    mkdir -p "$OOF_VAR/fuzz"

    deps_install "${deps_build[@]}" tzdata binutils
    nginx_build static
    fuzz_compiler

    source=$OOF_VAR/src/nginx-$(cat "$OOF_VAR/src/version")
    step "parsers with $fuzz_cc" fuzz-objects fuzz_objects "$source"

    for name in "${targets[@]}"; do
        step "target $name" "fuzz-$name-build" fuzz_target "$name" "$source"
    done

    for name in "${targets[@]}"; do
        fuzz_run "$name" "$seconds" || failed=1
    done

    return $failed
}
