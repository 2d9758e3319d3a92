# shellcheck shell=bash
#
# What the parts of build.sh share: messages, steps, var/.

: "${root:?}"

OOF_VAR=${OOF_VAR:-$root/var}

case $OOF_VAR in
/*) ;;
*)  OOF_VAR=$PWD/$OOF_VAR ;;
esac

export OOF_VAR


die() {
    echo "build.sh: $1" >&2
    exit 1
}


var_make() {
    # nginx's configure and make take no such path

    case $root$OOF_VAR in
    *[[:space:]]*) die "a path with white space in it: $root, $OOF_VAR" ;;
    esac

    mkdir -p "$OOF_VAR/log" || die "cannot make $OOF_VAR"
    OOF_VAR=$(cd "$OOF_VAR" && pwd -P)
}


# step TEXT LOG COMMAND …: one line, with a dot each 10 s, and where the log is
# when the command fails

step() {
    local text=$1 log=$OOF_VAR/log/$2.log start=$SECONDS next=10 pid rc=0
    shift 2

    printf '%s ... ' "$text"

    "$@" > "$log" 2>&1 < /dev/null &
    pid=$!

    # shellcheck disable=SC2064
    trap "kill $pid 2> /dev/null; echo; exit 130" INT TERM

    while kill -0 "$pid" 2> /dev/null; do
        sleep 0.1
        if [ $((SECONDS - start)) -ge "$next" ]; then
            printf '. '
            next=$((next + 10))
        fi
    done

    wait "$pid" || rc=$?
    trap - INT TERM

    if [ "$rc" -ne 0 ]; then
        echo "failed, see $log"
        tail -n 15 "$log" | sed 's/^/    /'
        exit 1
    fi

    echo "done, $((SECONDS - start)) s"
}


# one build at a time in one var/; ends with the subshell that calls it

lock() {
    exec 9> "$OOF_VAR/$1.lock"
    flock 9
}


jobs_count() {
    nproc 2> /dev/null || echo 2
}
